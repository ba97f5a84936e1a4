"""Pascal VOC 2012 with masks of SBD, in published layouts.

The Semantic Boundaries Dataset (SBD) annotates 8,498 and 2,857 more images of VOC's own JPEGImages, without void;
together with VOC's train list, less its val list, they are the 10,582 images known as train_aug. Its masks come either
as the PNGs of a folder SegmentationClassAug, or as SBD's own .mat files.
"""

import os
import struct
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from io import BufferedReader
from pathlib import Path

import numpy as np
from jaxtyping import Int
from scipy.io import loadmat

from weakseg.arrays.memory import require_memory
from weakseg.data.folder.folder import find
from weakseg.data.images.image_file import read_image
from weakseg.data.images.label_file import read_labels
from weakseg.data.images.stored import Fits
from weakseg.data.relabel import fully_labelled
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid
from weakseg.files.paths import absolute
from weakseg.files.regular_file import open_regular, read_text
from weakseg.types import UNLABELED, Classes

VOC_CLASSES = Classes(
    (
        *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
        *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
    ),
    background=0,
)
"""The classes, in the order of their values in the masks; 255 is void."""


@dataclass(frozen=True)
class Voc:
    """The fully labelled samples of one split of VOC.

    Pass them to `ScribbleSup` or `Simulated` for weak labels. A mask of VOC's own (SegmentationClass) takes precedence
    over SBD's, because it is finer and has void.

    Raises:
        DataInvalid: (on access) a folder, list or file is missing, damaged, or holds undeclared values.
    """

    root: str
    """The folder VOC2012 (which holds JPEGImages), one above it, or the name of one in $WEAKSEG_DATA."""
    split: str = "train_aug"
    """Name of a list in ImageSets/Segmentation; "train_aug" is put together where there is no such list."""
    sbd: str | None = None
    """SBD's folder `dataset` (which holds cls, train.txt and val.txt); not needed beside SegmentationClassAug."""

    @property
    def classes(self) -> Classes:
        """The background and VOC's twenty kinds of objects."""
        return VOC_CLASSES

    def located(self) -> "Voc":
        """The same data set by absolute paths."""
        return replace(self, root=absolute(self.root), sbd=self.sbd and absolute(self.sbd))

    @property
    def keys(self) -> tuple[str, ...]:
        """Image names without .jpg, in the order of the list."""
        return self._keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:
        key = self.keys[index]
        image = read_image(self._home / "JPEGImages" / f"{key}.jpg")

        def fits(height: int, width: int) -> None:
            if (height, width) != image.shape[1:]:
                found = f"the mask of '{key}' is {width} wide and {height} high"
                raise DataInvalid(found, expected=f"the image's {image.shape[2]} and {image.shape[1]}")

        truth = self._mask(key, fits, image.shape[1] * image.shape[2])
        fits(*truth.shape)
        return fully_labelled(key, image, truth, len(self.classes))

    @cached_property
    def _home(self) -> Path:
        root = find(self.root)
        homes = [root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"]
        for home in homes:
            if (home / "JPEGImages").is_dir():
                return home
        raise DataInvalid(f"{root} holds no JPEGImages", expected="VOC2012, or a folder with VOC2012 in it")

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        lists = self._home / "ImageSets" / "Segmentation"
        if self.split != "train_aug" or (lists / "train_aug.txt").exists():
            return _read_list(lists / f"{self.split}.txt")
        # train_aug by its definition: everything annotated by either, less VOC's own validation images.
        more = {*_read_list(lists / "train.txt")}
        if self.sbd is not None:
            more |= {*_read_list(find(self.sbd) / "train.txt"), *_read_list(find(self.sbd) / "val.txt")}
        elif (aug := self._home / "SegmentationClassAug").is_dir():
            more |= {file.stem for file in aug.glob("*.png")}
        else:
            fix = f"put train_aug.txt into {lists}, or SegmentationClassAug into {self._home}, or give `sbd`"
            raise DataInvalid(f"no masks of SBD beside {self._home}", fix=fix)
        return tuple(sorted(more - {*_read_list(lists / "val.txt")}))

    def _mask(self, key: str, fits: Fits, pixels: int) -> Int[np.ndarray, "H W"]:
        """The class indices of a mask, `UNLABELED` on void.

        A mask that is far too large for the image is not unpacked.
        """
        # VOC's own mask before SBD's: it is finer and has void.
        maps = [self._home / folder / f"{key}.png" for folder in ("SegmentationClass", "SegmentationClassAug")]
        mat = None if self.sbd is None else find(self.sbd) / "cls" / f"{key}.mat"
        path = next((file for file in (*maps, mat) if file is not None and file.is_file()), None)
        if path is None:
            looked = " nor ".join(str(file) for file in (*maps, mat) if file is not None)
            raise DataInvalid(f"'{key}' has no mask (neither {looked})")
        # The size is tested by the header, before a mask is unpacked.
        raw = _read_mat(path, pixels) if path == mat else read_labels(path, fits=fits)
        if wrong := sorted({*np.unique(raw).tolist()} - {255, *range(len(self.classes))}):
            raise DataInvalid(f"{path} holds undeclared values: {wrong}", expected="0 to 20, or 255 (void)")
        return np.where(raw == 255, UNLABELED, raw)


def _read_list(path: Path) -> tuple[str, ...]:
    """The keys in a list file.

    A key is the first word of a line, which may be the path of an image.
    """
    keys = tuple(Path(line.split()[0]).stem for line in read_text(path).splitlines() if line.strip())
    if not keys:
        raise DataInvalid(f"{path} is empty", expected="the name of an image on each line")
    return keys


def _unpacked(file: BufferedReader) -> int:
    """Size of a MATLAB file after unpacking, in bytes.

    It follows from the headers of its variables.
    """
    head = file.read(128)
    order = {b"IM": "<", b"MI": ">"}.get(head[126:])
    total = os.fstat(file.fileno()).st_size
    while order and (tag := file.read(8)):
        kind, size = struct.unpack(f"{order}II", tag)
        if kind == _COMPRESSED:
            total += struct.unpack(f"{order}II", zlib.decompressobj().decompress(file.read(size), 8))[1]
        else:
            file.seek(size, os.SEEK_CUR)
    file.seek(0)
    return total


_COMPRESSED = 15
_MAT_PIXEL, _MAT_REST = 64, 2**20
"""Most bytes of SBD's files per pixel, boundaries included, and per file."""


def _read_mat(path: Path, pixels: int) -> Int[np.ndarray, "H W"]:
    """The class indices in a file of SBD's folder cls."""
    try:
        with open_regular(path) as file:
            unpacked = _unpacked(file)
            if unpacked > _MAT_PIXEL * pixels + _MAT_REST:
                # The sizes themselves are inside the packed data.
                found = f"{path} holds {unpacked:,} bytes once unpacked"
                expected = f"a mask of its image's {pixels:,} pixels"
                raise DataInvalid(found, expected=expected, fix="download it again, or check which image it belongs to")
            require_memory(f"{path} holds {unpacked:,} bytes", 20 * unpacked)
            found = loadmat(file, variable_names=["GTcls"])["GTcls"]["Segmentation"][0, 0]
    except DataInvalid:
        raise
    except Exception as error:  # damaged files make SciPy raise OSError, ValueError, TypeError, zlib.error ...
        fix = "download it again"
        raise DataInvalid(f"{path} cannot be read: {error}", expected="GTcls.Segmentation", fix=fix) from error
    return np.asarray(found).astype(np.int32)
