"""Volumes read from files: NIfTI and NRRD."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Integer, Shaped

from weakseg.arrays.kinds import COUNTS
from weakseg.data.volumes.grid import Grid
from weakseg.data.volumes.nifti import read_nifti
from weakseg.data.volumes.nrrd_file import read_nrrd
from weakseg.errors import DataInvalid

ENDINGS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd")
"""Ends of the names of volumes, in lower case."""
_OTHERS = (".nhdr", ".mha", ".mhd", ".hdr", ".img", ".mgz", ".mgh", ".dcm", ".nia")
"""Ends of the names of volumes that are not read."""


_LARGEST = 2**30
"""Largest label that a fraction may stand for."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels on a grid."""

    grid: Grid
    voxels: Shaped[np.ndarray, "X Y Z"]
    names: dict[int, str] = field(default_factory=dict)
    """Names of labels, by value, where the file has names."""


def stem_of(path: Path) -> str:
    """The name of a volume's file without what says its format; empty if it is no volume."""
    name = path.name.lower()
    ending = next((each for each in ENDINGS if name.endswith(each) and name != each), "")
    return path.name[: -len(ending)] if ending else ""


def ending_of(path: Path) -> str:
    """The end of a volume's name, as it is written."""
    return path.name[len(stem_of(path)) :]


def read_header(path: Path) -> Volume:
    """A volume by its header alone: its grid, and zeros of the type that its voxels have.

    Raises:
        DataInvalid: as `read_volume` does.
    """
    return _read(path, voxels=False)


def read_volume(path: Path) -> Volume:
    """A volume, its voxels scaled as its header says.

    Raises:
        DataInvalid: it cannot be read, is larger than the memory, has several values a voxel, or the package that reads
            it is missing.
    """
    return _read(path, voxels=True)


def _read(path: Path, voxels: bool) -> Volume:
    if not stem_of(path):
        other = next((end for end in _OTHERS if path.name.lower().endswith(end)), "")
        fix = "convert it to .nii.gz, with ITK-SNAP or 3D Slicer for example" if other else "name the volume"
        raise DataInvalid(f"{path} is no volume of a known format", expected=f"*{', *'.join(ENDINGS)}", fix=fix)
    read = read_nrrd if path.name.lower().endswith("nrrd") else read_nifti
    affine, found, names = read(path, voxels)
    shape = found.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 3:
        found_text = f"{path} has {' x '.join(map(str, shape))} values: several volumes, times or channels"
        raise DataInvalid(found_text, expected="one volume a file", fix="save each as a file of its own")
    x, y, z = (*shape, *[1] * (3 - len(shape)))
    if not x * y * z:
        raise DataInvalid(f"{path} has no voxels")
    try:
        return Volume(Grid((x, y, z), affine), found.reshape((x, y, z)), names)
    except DataInvalid as problem:
        raise problem.at(path) from problem


def whole_numbers(path: Path, voxels: Shaped[np.ndarray, "X Y Z"]) -> Integer[np.ndarray, "X Y Z"]:
    """The labels of a volume, which programs may store as fractions.

    Raises:
        DataInvalid: a value is no whole number.
    """
    if voxels.dtype.kind in COUNTS:
        return voxels
    with np.errstate(invalid="ignore"):
        whole = np.round(voxels)
        wrong = ~(np.abs(voxels - whole) <= 1e-4) | (np.abs(whole) > _LARGEST)
    if wrong.any():
        value, count = voxels[wrong].flat[0], int(wrong.sum())
        found = f"{path} has the value {value:g} at {count:,} voxels"
        fix = "export the segmentation itself, not probabilities, and without interpolation"
        raise DataInvalid(found, expected="whole numbers, one a class", fix=fix)
    return whole.astype(np.int32)
