"""ScribbleSup's scribbles for Pascal VOC 2012.

They are read from the published XML files, or from label maps drawn from them. Lin et al. 2016, "ScribbleSup: Scribble-
Supervised Convolutional Networks for Semantic Segmentation".
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from weakseg.data.folder.folder import find
from weakseg.data.images.label_file import read_labels
from weakseg.data.relabel import relabelled
from weakseg.data.sample import Dataset, Sample, Stroke
from weakseg.errors import DataInvalid
from weakseg.files.paths import absolute
from weakseg.files.regular_file import open_regular
from weakseg.types import UNLABELED, Classes

VOC_NAMES = {
    "plane": "aeroplane",
    "bike": "bicycle",
    "table": "diningtable",
    "plant": "pottedplant",
    "monitor": "tvmonitor",
}
"""VOC's names of classes that have other names in ScribbleSup."""


@dataclass(frozen=True)
class ScribbleSup:
    """A data set labelled by ScribbleSup's XML files alone.

    Scribbles stay curves until after augmentation, so zooming does not change their width. Points are (x, y) pixels
    counted from 0.

    Raises:
        DataInvalid: (on access) an image's file is missing, damaged or hostile, belongs to an image of another
            size, or names unknown classes; all problems of a file are reported at once.
    """

    samples: Dataset
    """Images with VOC's classes: `Voc(...)`."""
    folder: str
    """Folder of the files <key>.xml: scribble_annotation/pascal_2012."""
    width_px: float = 3.0
    """Width of the pen in pixels of the view that is trained on, above 0."""

    def located(self) -> "ScribbleSup":
        """The same data set by its absolute path."""
        return replace(self, folder=absolute(self.folder))

    @property
    def classes(self) -> Classes:
        """The classes of the samples."""
        return self.samples.classes

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the samples."""
        return self.samples.keys

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        strokes = read_scribbles(self._place / f"{sample.key}.xml", self.classes, sample.valid.shape, self.width_px)
        return relabelled(sample, len(self.classes), strokes=strokes)

    @cached_property
    def _place(self) -> Path:
        return find(self.folder)


@dataclass(frozen=True)
class ScribbleMaps:
    """A data set labelled by scribbles in label maps alone.

    Values are class indices, or 255 for unlabelled pixels.

    Raises:
        DataInvalid: (on access) an image's map is missing, damaged, of another size, or holds undeclared values.
    """

    samples: Dataset
    """Images with VOC's classes: `Voc(...)`."""
    folder: str
    """Folder of the files <key>.png: pascal_2012_scribble, or one of its shortened variants."""

    def located(self) -> "ScribbleMaps":
        """The same data set by its absolute path."""
        return replace(self, folder=absolute(self.folder))

    @property
    def classes(self) -> Classes:
        """The classes of the samples."""
        return self.samples.classes

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the samples."""
        return self.samples.keys

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        path = self._place / f"{sample.key}.png"
        raw = read_labels(path)
        _same_size(path, raw.shape, sample.valid.shape)
        if wrong := sorted({*np.unique(raw).tolist()} - {255, *range(len(self.classes))}):
            expected = f"0 to {len(self.classes) - 1}, or 255 (nothing drawn)"
            raise DataInvalid(f"{path} holds undeclared values: {wrong}", expected=expected)
        # Scribbles run over VOC's void rims.
        seeds = np.where((raw == 255) | ~sample.valid, UNLABELED, raw)
        return relabelled(sample, len(self.classes), seeds=seeds)

    @cached_property
    def _place(self) -> Path:
        return find(self.folder)


def read_scribbles(path: Path, classes: Classes, size: tuple[int, ...], width_px: float) -> tuple[Stroke, ...]:
    """The strokes in an XML file, in drawing order.

    The file belongs to an image of the given (height, width).

    Raises:
        DataInvalid: see `ScribbleSup`.
    """
    root = _read_xml(path)
    told = [root.findtext(f"size/{side}") for side in ("height", "width")]
    # Some files of the set state no size; those that do must fit, since scribbles of another image would look
    # plausible.
    if None not in told:
        _same_size(path, tuple(int(_number(path, text)) for text in told), size)
    strokes, problems = [], []
    for polygon in root.iter("polygon"):
        try:
            strokes.append(_stroke(path, polygon, classes, width_px))
        except DataInvalid as problem:
            problems.append(problem)
    if problems:
        raise DataInvalid.of(problems)
    return tuple(strokes)


def _read_xml(path: Path) -> Element:
    try:
        with open_regular(path) as file:
            # Without document types: an entity of ten lines can expand to gigabytes, or name a file of this machine.
            root = parse(file, forbid_dtd=True).getroot()
    except DefusedXmlException as error:
        found = f"{path} declares a document type or entities, which could exhaust memory or read other files"
        raise DataInvalid(found, expected="ScribbleSup's plain XML", fix="remove the declaration") from error
    except (ParseError, UnicodeError, ValueError, LookupError) as error:
        raise DataInvalid(f"{path} is not XML: {error}", fix="download it again") from error
    except OSError as error:
        raise DataInvalid(f"{path} cannot be read: {error.strerror}") from error
    if root is None or root.tag != "annotation":
        raise DataInvalid(f"{path} starts with <{'' if root is None else root.tag}>", expected="<annotation>")
    return root


def _stroke(path: Path, polygon: Element, classes: Classes, width_px: float) -> Stroke:
    """An open curve, which the files call a polygon."""
    name = (polygon.findtext("tag") or "").strip()
    name = VOC_NAMES.get(name, name)
    if name not in classes.names:
        known = ", ".join(classes.names)
        raise DataInvalid(f"{path}: a scribble of the unknown class '{name}'", expected=f"one of {known}")
    points = [[_number(path, point.findtext(axis)) for axis in ("Y", "X")] for point in polygon.iter("point")]
    if not points:
        raise DataInvalid(f"{path}: a scribble of '{name}' without points")
    return Stroke(classes.names.index(name), np.array(points), width_px)


def _number(path: Path, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataInvalid(f"{path} has '{text or ''}' instead of a number of pixels")
    return value


def _same_size(path: Path, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise DataInvalid(
            f"{path} is for an image {found[1]} wide and {found[0]} high",
            expected=f"the image's {expected[1]} and {expected[0]}",
            fix="use the file that belongs to this image",
        )
