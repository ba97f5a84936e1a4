"""Raw data sets of nnU-Net: what the numbers of their labels mean."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weakseg.errors import DataInvalid
from weakseg.files.regular_file import read_text

FILE = "dataset.json"


@dataclass(frozen=True)
class NnunetRaw:
    """The declaration of a raw data set."""

    folder: Path
    names: dict[int, str]
    """Class of each value; 0 is background, which nnU-Net labels explicitly."""
    ignore: int | None
    """The value of voxels without a label."""
    note: str = ""

    @property
    def images(self) -> Path:
        """The folder of the images."""
        return self.folder / "imagesTr"

    @property
    def labels(self) -> Path:
        """The folder of their labels."""
        return self.folder / "labelsTr"


def nnunet_of(path: Path) -> NnunetRaw | None:
    """The data set that a folder or its labelsTr belongs to, if any.

    Raises:
        DataInvalid: its declaration is damaged, or it has several channels.
    """
    folder = next((at for at in (path, path.parent) if (at / FILE).is_file() and (at / "labelsTr").is_dir()), None)
    if folder is None:
        return None
    place = folder / FILE
    try:
        said = json.loads(read_text(place))
        channels = said.get("channel_names") or said.get("modality") or {}
        ending = str(said.get("file_ending", ".nii.gz"))
        names, ignore, note = _values(said["labels"], said.get("regions_class_order", ()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # The text of a KeyError is the bare key.
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        fix = 'give the number of each class: "labels": {"background": 0, "tumour": 1}'
        raise DataInvalid(f"{place} cannot be read as nnU-Net's {FILE}: {reason}", fix=fix) from error
    if len(channels) > 1:
        found = f"{place} names {len(channels)} channels: {', '.join(map(str, channels.values()))}"
        fix = "copy the files of one channel (CASE_0000) into a folder of their own, and name that with --images"
        raise DataInvalid(found, expected="one channel", fix=fix)
    if ending.lower() not in (".nii.gz", ".nii", ".nrrd"):
        found = f"{place}: the images are files {ending}, which are no volumes"
        raise DataInvalid(found, fix="copy imagesTr to images/ and labelsTr to masks/ of a folder of `weakseg new`")
    return NnunetRaw(folder, names, ignore, note)


def _values(labels: dict[str, Any], order: Sequence[Any]) -> tuple[dict[int, str], int | None, str]:
    """Class of each value, the value of voxels without a label, and a sentence about regions."""
    # Earlier versions have the value first.
    pairs = [(name, value) if _is_name(name) else (value, name) for name, value in labels.items()]
    own = {str(name): values if isinstance(values, list) else [values] for name, values in pairs}
    ignore = own.pop("ignore", [None])[0]
    ignored = None if ignore is None else int(ignore)
    if all(len(values) == 1 for values in own.values()):
        return {int(values[0]): name for name, values in own.items()}, ignored, ""
    # The value of a region is that of the voxels that lie in no later one.
    regions = [name for name in own if name != "background"]
    if len(order) != len(regions):
        raise ValueError(f"it has {len(regions)} regions and a regions_class_order of {len(order)}")
    names = {0: "background"} | {int(value): name for value, name in zip(order, regions, strict=True)}
    said = ", ".join(f"{value} is {name}" for value, name in names.items())
    return names, ignored, f"regions of {FILE} overlap, and each value became one class: {said}"


def _is_name(text: str) -> bool:
    return not text.lstrip("-").isdecimal()
