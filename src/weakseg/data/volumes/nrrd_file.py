"""NRRD files, and the segmentations of 3D Slicer in them (.seg.nrrd); pynrrd reads their headers."""

import bz2
import gzip
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from weakseg.arrays.memory import require_memory
from weakseg.data.volumes.nifti import Read
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import open_regular
from weakseg.files.whole_file import write_whole
from weakseg.formats.extras import needed

_LONGEST_HEADER = 2**22
_PER_BYTE = 4
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
"""Names that the format has for types of numbers."""
_TO_RAS = {
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
}
"""Signs that bring world coordinates to right, anterior and superior; other spaces are taken as they are."""


def read_nrrd(path: Path, voxels: bool) -> Read:
    """The affine map of a volume, its voxels, and the names of its segments.

    Several layers of segments become one: later segments cover earlier ones.

    Args:
        path: a file with its voxels in it.
        voxels: whether they are read; otherwise zeros of their type and shape are returned.

    Raises:
        DataInvalid: the file is damaged, has its voxels elsewhere, or needs more memory than there is.
    """
    try:
        header, start = _header(path)
        dtype = next((code for code, names in _TYPES.items() if str(header["type"]).lower() in names), None)
        sizes = tuple(map(int, header["sizes"]))
        layers = _is_layered(path, header, len(sizes))
        if dtype is None or min(sizes) < 1 or len(sizes) > 4:
            found = f"{path} has {' x '.join(map(str, sizes))} values of type {header['type']}"
            raise DataInvalid(found, expected="numbers on at most 4 axes, none of them empty")
        affine = _affine(header, len(sizes), layers)
        if not voxels:
            return affine, np.broadcast_to(np.zeros((), dtype), sizes[int(layers) :]), _names(header)
        order = ">" if header.get("endian") == "big" else "<"
        found = f"{path} has {' x '.join(map(str, sizes))} voxels"
        require_memory(found, prod(sizes) * np.dtype(dtype).itemsize * _PER_BYTE)
        values = _values(path, header, start, np.dtype(order + dtype), sizes)
        return affine, *_segments(path, header, values, layers)
    except DataInvalid:
        raise
    except Exception as error:  # damaged headers make pynrrd raise NRRDError, ValueError, KeyError, TypeError ...
        raise DataInvalid(f"{path} is damaged: {error}", fix="export or copy the file again") from error


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The fields of the header, and the place of the first voxel."""
    with open_regular(path) as file:
        first = file.read(_LONGEST_HEADER)
    # An empty line ends the header; Windows programs write it with two bytes a line end.
    ends = [end for end in (first.find(b"\n\n") + 2, first.find(b"\r\n\r\n") + 4) if end > 3]
    if not first.startswith(b"NRRD000") or not ends:
        raise DataInvalid(f"{path} is no NRRD file with its voxels in it", fix="save it as .nrrd, not as .nhdr")
    # As text, because pynrrd drops letters of names that are not ASCII.
    lines = first[: min(ends)].decode("utf-8", "replace").splitlines()
    header = dict(needed("nrrd", "nrrd", str(path)).read_header([line for line in lines if line]))
    if elsewhere := {"data file", "datafile"} & {*header}:
        found = f"{path} has its voxels in another file ({elsewhere.pop()})"
        raise DataInvalid(found, fix="save it as .nrrd, not as .nhdr")
    return header, min(ends)


def _values(
    path: Path, header: dict[str, Any], start: int, dtype: np.dtype, sizes: tuple[int, ...]
) -> Shaped[np.ndarray, "..."]:
    """The stored numbers; no more is unpacked than the header claims."""
    needed_bytes, encoding = prod(sizes) * dtype.itemsize, str(header["encoding"]).lower()
    skips = {int(header.get(name, 0)) for name in ("byte skip", "byteskip", "line skip", "lineskip")}
    if skips != {0}:
        raise DataInvalid(
            f"{path} skips bytes or lines before its voxels", fix="save it again without `byte skip` and `line skip`"
        )
    with open_regular(path) as file:
        file.seek(start)
        if encoding in ("gzip", "gz"):
            content = gzip.GzipFile(fileobj=file).read(needed_bytes)
        elif encoding in ("bzip2", "bz2"):
            content = bz2.BZ2File(file).read(needed_bytes)
        elif encoding == "raw":
            content = file.read(needed_bytes)
        elif encoding in ("ascii", "text", "txt"):
            numbers = file.read(32 * prod(sizes)).split()[: prod(sizes)]
            content = np.array(numbers, float).astype(dtype).tobytes()
        else:
            expected, fix = "raw, gzip, bzip2 or ascii", "save it again, compressed by gzip"
            raise DataInvalid(f"{path} is encoded as '{encoding}'", expected=expected, fix=fix)
    if len(content) < needed_bytes:
        raise DataInvalid(f"{path} ends before its last voxel", fix="copy or export it again")
    # The first axis is the fastest in the file.
    return np.frombuffer(content, dtype).reshape(sizes, order="F")


def _is_layered(path: Path, header: dict[str, Any], axes: int) -> bool:
    """Whether the first axis counts layers of segments."""
    kinds = [str(kind).lower() for kind in header.get("kinds", ())]
    if axes == 4 and kinds[:1] == ["list"] and "Segment0_LabelValue" in header:
        return True
    if kinds and any(kind not in ("domain", "space", "none", "???") for kind in kinds):
        found = f"{path} has axes of the kinds {', '.join(kinds)}"
        raise DataInvalid(found, expected="three axes of space", fix="save one number a voxel")
    return False


def _affine(header: dict[str, Any], axes: int, layers: bool) -> Float[np.ndarray, "4 4"]:
    affine = np.eye(4)
    directions = header.get("space directions")
    if directions is not None:
        rows = [row for row in directions if row is not None and np.isfinite(np.asarray(row, float)).all()]
        affine[:3, :3] = np.array(rows[:3], float).T
        affine[:3, 3] = np.array(header.get("space origin", (0, 0, 0)), float)
    elif (spacings := header.get("spacings")) is not None:
        # Axes that are not of space have no spacing.
        own = np.array(spacings, float)[int(layers) :][:3]
        affine[range(len(own)), range(len(own))] = np.where(np.isfinite(own) & (own != 0), own, 1)
    signs = _TO_RAS.get(str(header.get("space", "")).lower(), (1, 1, 1))
    return np.diag([*signs, 1.0]) @ affine


def _names(header: dict[str, Any]) -> dict[int, str]:
    """Names of segments, by their number from 1."""
    found: dict[int, str] = {}
    while f"Segment{len(found)}_LabelValue" in header:
        name = str(header.get(f"Segment{len(found)}_Name", f"segment {len(found) + 1}"))
        found[len(found) + 1] = name
    return found


def _segments(
    path: Path, header: dict[str, Any], values: Shaped[np.ndarray, "..."], layers: bool
) -> tuple[Shaped[np.ndarray, "..."], dict[int, str]]:
    """The number of the last segment at each voxel, and the names of segments."""
    names = _names(header)
    if not names:
        return values, {}
    stack = values if layers else values[None]
    labels, known = np.zeros(stack.shape[1:], np.int32), np.zeros(stack.shape, bool)
    for number in names:
        layer = int(header.get(f"Segment{number - 1}_Layer", 0))
        inside = stack[layer] == int(header[f"Segment{number - 1}_LabelValue"])
        # In the order of the segments, so that later ones cover earlier ones, as 3D Slicer shows them.
        labels[inside], known[layer][inside] = number, True
    strange = ~known & (stack != 0)
    if strange.any():
        found = f"{path} has the value {stack[strange][0]} at {strange.sum():,} voxels, which is of no segment"
        raise DataInvalid(found, fix="save the segmentation again")
    return labels, names


def write_nrrd(path: Path, labels: Shaped[np.ndarray, "X Y Z"], like: Path) -> None:
    """Write labels on the grid of another volume; whole or not at all.

    Args:
        path: the file.
        labels: from 0 to 65535.
        like: the volume whose place in space is kept.

    Raises:
        WriteRefused: the file cannot be written.
    """
    before, _ = _header(like)
    kept = ("space", "space dimension", "space directions", "space origin", "spacings", "space units", "kinds")
    header = {name: before[name] for name in kept if name in before} | {"encoding": "gzip"}
    for name in ("space directions", "spacings", "kinds"):
        # A scan may have a last axis of one time or channel, which its labels have not.
        if name in header:
            header[name] = header[name][: labels.ndim]
    stream = BytesIO()
    values = labels.astype(np.uint8 if labels.max(initial=0) < 256 else np.uint16)
    needed("nrrd", "nrrd", str(path)).write(stream, values, header)
    write_whole(path, lambda part: part.write_bytes(stream.getvalue()))
