"""Annotation files of any known tool.

The format of each file is recognised by its content, so names and extensions do not matter.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from weakseg.data.images.image_file import EXTENSIONS
from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry, forget
from weakseg.formats.format import Format, Sizes
from weakseg.formats.tree import tree_of
from weakseg.marks.mark import Annotations, Ignored

HOMES = (
    "tools.labelme.LABELME",
    "tools.label_studio.LABEL_STUDIO",
    "tools.cvat_images.CVAT_XML",
    "tools.cvat_masks.CVAT_MASKS",
    "tools.supervisely.SUPERVISELY",
    "tools.darwin.DARWIN",
    "tools.via.VIA",
    "tools.via_three.VIA_THREE",
    "sets.voc_xml.VOC_XML",
    "tools.labelme_xml.LABELME_XML",
    "sets.coco_panoptic.COCO_PANOPTIC",
    "sets.coco.COCO",
    "science.qupath.QUPATH",
    "geo.geojson.GEOJSON",
    "geo.geopackage.GEOPACKAGE",
    "geo.shapefile.SHAPEFILE",
    "science.napari.NAPARI",
    "science.imagej.IMAGEJ",
    "science.ilastik.ILASTIK",
    "science.imagej_overlay.IMAGEJ_OVERLAY",
    "science.label_layers.LABEL_LAYERS",
    "sets.dota.DOTA",
    "sets.yolo.YOLO",
)
"""Where each format lives below `weakseg.formats`, in the order in which they are asked."""


def _format(home: str) -> Format:
    module, _, name = home.rpartition(".")
    return getattr(import_module(f"weakseg.formats.{module}"), name)


FORMATS: tuple[Format, ...] = tuple(_format(home) for home in HOMES)
"""Known formats; the first that claims a file reads it."""


_TABLES = (".parquet", ".arrow")
_ADVICE = "a table of Hugging Face: save its images and label images as files first (docs/formats.md)"


def read_annotations(paths: Sequence[Path], sizes: Sizes) -> Annotations:
    """The annotations in files, folders and archives.

    Args:
        paths: where they are.
        sizes: (height, width) of an image by the name that a file gives it.

    Raises:
        DataInvalid: a path cannot be read, or no known format claims anything there.
    """
    try:
        return Annotations.joined(_read_one(path, sizes) for path in paths)
    finally:
        forget()


def _read_one(path: Path, sizes: Sizes) -> Annotations:
    tree = tree_of(path)
    claimed: dict[str, list[Entry]] = {}
    unknown: list[tuple[Entry, str]] = []
    for name in tree.names:
        entry = Entry(tree, name)
        try:
            found = next((format for format in FORMATS if format.claims(entry)), None)
        except DataInvalid as problem:
            # A damaged file beside sound ones is reported and does not stop the import.
            unknown.append((entry, problem.found.removeprefix(entry.place).lstrip(": ")))
            continue
        if found is None:
            unknown.append((entry, _ADVICE if entry.extension in _TABLES else "no annotations of a known format"))
        else:
            claimed.setdefault(found.name, []).append(entry)
    if not claimed:
        raise _nothing_known(path, unknown)
    read = Annotations.joined(_read_as(each, claimed[each.name], sizes) for each in FORMATS if each.name in claimed)
    # Photos are no annotations, and need no entry; other files are listed, since one of them may be what the user
    # meant.
    rest = tuple(
        Ignored(entry.place, "file", reason)
        for entry, reason in unknown
        if entry.name not in read.used and entry.extension not in EXTENSIONS
    )
    return Annotations.joined([read, Annotations(ignored=rest)])


def _read_as(format: Format, entries: list[Entry], sizes: Sizes) -> Annotations:
    found = format.read(entries, sizes)
    return replace(found, images=tuple(replace(each, ignores_exif=format.ignores_exif) for each in found.images))


def _nothing_known(path: Path, unknown: list[tuple[Entry, str]]) -> DataInvalid:
    if len(unknown) == 1 and not path.is_dir():
        found = f"{path}: {unknown[0][1]}"
    else:
        found = f"{path}: none of its {len(unknown)} files holds annotations of a known format"
    known = ", ".join(format.name for format in FORMATS)
    return DataInvalid(found, expected=f"one of: {known}", fix="export them in one of these formats")
