"""NIfTI files, read and written by nibabel."""

import gzip
from io import BufferedReader, BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer, Shaped

from weakseg.arrays.memory import require_memory
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular
from weakseg.files.whole_file import write_whole
from weakseg.formats.extras import needed

_FIRST = 540
"""Bytes of the longest header."""
_LONGEST_HEADER = 2**26
"""Most bytes before the voxels, extensions included."""
_PER_BYTE = 4
"""Bytes of memory for each byte of voxels, while they are read and scaled."""

Read = tuple[Float[np.ndarray, "4 4"], Shaped[np.ndarray, "..."], dict[int, str]]


def read_nifti(path: Path, voxels: bool) -> Read:
    """The affine map of a volume and its voxels.

    Args:
        path: a file, compressed or not.
        voxels: whether they are read; otherwise zeros of their type and shape are returned.

    Raises:
        DataInvalid: the file is damaged, or needs more memory than there is.
    """
    image, header = _opened(path, voxels)
    try:
        if header.get_data_dtype().kind not in "iuf":
            fix = "save one number a voxel"
            raise DataInvalid(f"{path} holds {header.get_data_dtype()} values", expected="numbers", fix=fix)
        if image is None:
            scaled = header.get_slope_inter() not in ((None, None), (1.0, 0.0))
            zero = np.zeros((), np.float64 if scaled else header.get_data_dtype())
            return np.array(header.get_best_affine(), float), np.broadcast_to(zero, header.get_data_shape()), {}
        return np.array(image.affine, float), np.asarray(image.dataobj), {}
    except DataInvalid:
        raise
    except Exception as error:  # damaged headers make nibabel raise HeaderDataError, ValueError, OverflowError ...
        raise _damaged(path, error) from error


def write_nifti(path: Path, labels: Integer[np.ndarray, "X Y Z"], like: Path) -> None:
    """Write labels on the grid of another volume; whole or not at all.

    Args:
        path: the file, whose name ends in .nii or .nii.gz.
        labels: from 0 to 65535.
        like: the volume whose header is kept: its affine map, units and codes.

    Raises:
        WriteRefused: the file cannot be written.
    """
    _, header = _opened(like, voxels=False)
    header = header.copy()
    header.set_data_dtype(np.uint8 if labels.max(initial=0) < 256 else np.uint16)
    # The scan's scaling of values must not be applied to labels.
    header["scl_slope"], header["scl_inter"], header["cal_min"], header["cal_max"] = 1, 0, 0, 0
    header.set_data_shape(labels.shape)
    nibabel = _nibabel(path)
    kind = nibabel.Nifti2Image if header["sizeof_hdr"] == _FIRST else nibabel.Nifti1Image
    # Without an affine map of its own, the image keeps those of the header exactly.
    image = kind(labels.astype(header.get_data_dtype()), None, header)
    content = image.to_bytes()
    # Without a time, equal labels are equal files.
    compressed = gzip.compress(content, mtime=0) if path.name.lower().endswith(".gz") else content
    write_whole(path, lambda part: part.write_bytes(compressed))


def _opened(path: Path, voxels: bool) -> tuple[Any, Any]:
    """The image, if voxels are wanted, and its header."""
    nibabel = _nibabel(path)
    try:
        with open_regular(path) as stored, _plain(stored) as file:
            first = file.read(_FIRST)
            size = {348: 348, 540: 540}.get(int.from_bytes(first[:4], "little")) or int.from_bytes(first[:4], "big")
            kind = {348: nibabel.Nifti1Header, 540: nibabel.Nifti2Header}.get(size)
            if kind is None or len(first) < size:
                raise DataInvalid(f"{path} is no NIfTI file", fix="export or copy the file again")
            header = kind.from_fileobj(BytesIO(first[:size]), check=False)
            if header["magic"].item()[:2] != b"n+":
                raise DataInvalid(f"{path} is one file of a pair", fix="save the volume as .nii.gz")
            start, shape = float(header["vox_offset"]), header.get_data_shape()
            if not size <= start <= _LONGEST_HEADER or min(shape, default=1) < 0 or len(shape) > 7:
                raise DataInvalid(f"{path} has a damaged header", fix="export or copy the file again")
            number = prod(map(int, shape))
            held = number * header.get_data_dtype().itemsize
            require_memory(f"{path} has {' x '.join(map(str, shape))} voxels", held * _PER_BYTE)
            if not voxels:
                return None, header
            # No more is unpacked than the header claims, whatever the file would expand to.
            content = first + file.read(max(int(start) + held - len(first), 0))
            if len(content) < int(start) + held:
                raise DataInvalid(f"{path} ends before its last voxel", fix="copy or export it again")
        kinds = nibabel.Nifti1Image if size == 348 else nibabel.Nifti2Image
        return kinds.from_bytes(content), header
    except DataInvalid:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _plain(stored: BufferedReader) -> Any:
    return gzip.GzipFile(fileobj=stored) if stored.peek(2)[:2] == b"\x1f\x8b" else stored


def _nibabel(path: Path) -> Any:
    return needed("nibabel", "nifti", str(path))


def _damaged(path: Path, error: Exception) -> DataInvalid:
    return DataInvalid(f"{path} is damaged: {error}", fix="export or copy the file again")
