"""Which volumes of labels belong to which images."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from weakseg.data.imports.nnunet import FILE, NnunetRaw, nnunet_of
from weakseg.data.volumes.volume import ENDINGS, stem_of
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import irregular, read_text
from weakseg.finding import some

_ADDED = re.compile(
    r"^(.+?)[-_. ]+(?:labels?|labelmap|seg|segmentations?|masks?|scribbles?|annot|annotations?|manual|gt|truth|roi)"
    r"(?:[-_. ].*)?$",
    re.IGNORECASE,
)
"""What people add to the name of an image for its labels."""
_CHANNEL = "_0000"
"""What nnU-Net adds to the name of a case for its first channel."""
_SNAP = re.compile(r'^\s*(\d+)(?:\s+\S+){6}\s+"(.*)"\s*$')
"""A line of ITK-SNAP's label descriptions: value, three colours, three more numbers, name."""


@dataclass(frozen=True)
class VolumePairs:
    """Images with their labels, by case."""

    pairs: dict[str, tuple[Path, Path]]
    names: dict[int, str]
    """Class of each value, as declared beside the volumes; 0 is unlabelled unless it is declared."""
    ignore: int | None
    """A value of voxels without a label."""
    complete: bool
    """Whether `names` has all values that may occur."""
    unlabelled: tuple[Path, ...]
    """Images without labels."""
    strays: tuple[Path, ...]
    """Labels without an image."""
    notes: tuple[str, ...]


def pairs_of(sources: Sequence[Path], images: Path) -> VolumePairs:
    """The images in a folder, with their labels.

    Args:
        sources: files or folders of label volumes, raw data sets of nnU-Net, and label descriptions of ITK-SNAP.
        images: the folder of the images; that of a data set of nnU-Net stands for its imagesTr.

    Raises:
        DataInvalid: there are no images, an image has several labels or a label several images; all at once.
    """
    declared = [found for source in sources if (found := nnunet_of(source)) is not None]
    nnunet = declared[0] if declared else None
    if nnunet is not None and (images / FILE).is_file():
        images = nnunet.images
    names, files = dict[int, str]() if nnunet is None else nnunet.names, list[Path]()
    for source in sources:
        own = nnunet_of(source)
        if own is None and source.suffix.lower() == ".txt":
            names |= _descriptions(source)
        else:
            files += volumes_in(source if own is None else own.labels)
    if not files:
        expected = f"files *{', *'.join(ENDINGS)}"
        raise DataInvalid(f"{', '.join(map(str, sources))}: no volumes of labels", expected=expected)
    return _paired(volumes_in(images), files, images, names, nnunet)


def volumes_in(path: Path) -> list[Path]:
    """The volumes in a folder and its subfolders, or the volume itself."""
    if not path.is_dir():
        if kind := irregular(path):
            raise DataInvalid(f"{path} is {kind}", expected="a volume, or a folder of volumes")
        if not path.exists():
            raise DataInvalid(f"{path} is missing")
        return [path]
    found = sorted(each for each in path.rglob("*") if stem_of(each) and not _hidden(each.relative_to(path)))
    return [each for each in found if not irregular(each)]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _paired(
    images: list[Path], labels: list[Path], folder: Path, names: dict[int, str], nnunet: NnunetRaw | None
) -> VolumePairs:
    """Each label with its image, by name."""
    known = {_key(path): path for path in images}
    # Labels may lie beside the images.
    among = {path.resolve() for path in labels}
    # A volume that lies among the labels and is named after another image is no image itself.
    images = [path for path in images if not (path.resolve() in among and _image_of(path, known, own=False))]
    by_key = {}
    problems = []
    for path in images:
        key = _key(path)
        if key in by_key:
            found, fix = f"{by_key[key]} and {path} have the same name", "rename one of them"
            problems.append(DataInvalid(found, fix=fix))
        by_key[key] = path
    taken, there = {path.resolve() for path in images}, dict[str, Path]()
    strays = []
    for path in labels:
        if path.resolve() in taken:
            continue
        key = _image_of(path, by_key, own=True)
        if key is None:
            strays.append(path)
        elif key in there:
            found, fix = f"{there[key]} and {path} are both labels of {by_key[key]}", "name one of them, or merge them"
            problems.append(DataInvalid(found, expected="one volume of labels for an image", fix=fix))
        else:
            there[key] = path
    if not there and not problems:
        found = f"no volume of labels is named after an image in {folder} ({some([path.name for path in labels])})"
        names_of = some([path.name for path in images]) or "it holds no volumes"
        fix = "name labels like their images: CASE.nii.gz or CASE_label.nii.gz for CASE.nii.gz"
        problems.append(DataInvalid(found, expected=f"names as those of the images: {names_of}", fix=fix))
    if problems:
        raise DataInvalid.of(problems)
    note = () if nnunet is None or not nnunet.note else (nnunet.note,)
    unlabelled = tuple(path for key, path in by_key.items() if key not in there)
    pairs = {key: (by_key[key], there[key]) for key in sorted(there)}
    ignore = None if nnunet is None else nnunet.ignore
    return VolumePairs(pairs, names, ignore, nnunet is not None, unlabelled, tuple(strays), note)


def _key(path: Path) -> str:
    """The name of a case."""
    return normalize("NFC", stem_of(path)).removesuffix(_CHANNEL)


def _image_of(path: Path, images: dict[str, Path], own: bool) -> str | None:
    """The case that a volume of labels belongs to; `own` is whether it may have the image's own name."""
    name = _key(path)
    if own and name in images:
        return name
    # Again and again: p1_seg_manual is p1 with two additions.
    while found := _ADDED.match(name):
        name = found[1]
        if name in images:
            return name
    return None


def _descriptions(path: Path) -> dict[int, str]:
    """The names in ITK-SNAP's label descriptions, except that of the label for nothing."""
    found = [_SNAP.match(line) for line in read_text(path).splitlines()]
    names = {int(each[1]): each[2] for each in found if each and int(each[1])}
    if not names:
        expected = "ITK-SNAP's label descriptions, saved by Segmentation > Save Label Descriptions"
        raise DataInvalid(f"{path} has no names of labels", expected=expected)
    return names
