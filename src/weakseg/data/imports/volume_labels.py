"""What the labels of all volumes say together, before a slice is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from weakseg.data.folder.legend import problem_of_name
from weakseg.data.imports.volume_pairs import VolumePairs
from weakseg.data.volumes.grid import PLANES, Grid
from weakseg.data.volumes.volume import Volume, read_header, read_volume, whole_numbers
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.marks.uses import Uses

_MOST_VALUES = 1000
"""Different values that labels of one volume may have."""


@dataclass(eq=False)
class VolumeLabels:
    """What the labels of all volumes say together."""

    class_of: dict[str, dict[int, str]] = field(default_factory=dict)
    """Class of each value, by case; other values mean no class."""
    marked: Counter[str] = field(default_factory=Counter)
    """Number of slices with a label, in each plane."""
    thickness: dict[str, list[float]] = field(default_factory=lambda: {plane: [] for plane in PLANES})
    everywhere: bool = True
    """Whether each voxel has a label."""
    unlabelled_zeros: bool = False


def grids_of(pairs: VolumePairs) -> dict[str, Grid]:
    """The grid of each image, on which its labels must lie."""
    grids, problems = {}, list[WeaksegError]()
    for key, (image, labels) in pairs.pairs.items():
        try:
            grid, own = read_header(image).grid, read_header(labels).grid
            if not _fits(own, grid, labels):
                found = f"{labels} has another grid than {image}: {own}"
                fix = "save the labels on the grid of the image; resampling would move them"
                problems.append(DataInvalid(found, expected=str(grid), fix=fix))
            grids[key] = grid
        except DataInvalid as problem:
            problems.append(problem)
    if problems:
        raise DataInvalid.of(problems)
    return grids


def _fits(own: Grid, grid: Grid, labels: Path) -> bool:
    # 3D Slicer stores no more of a segmentation than the part with segments.
    return own.is_like(grid) or (labels.name.lower().endswith(".seg.nrrd") and own.offset_in(grid) is not None)


def labels_on(grid: Grid, path: Path) -> Volume:
    """The labels of a volume, on the grid of its image."""
    read = read_volume(path)
    voxels = whole_numbers(path, read.voxels)
    if not read.grid.is_like(grid):
        place = tuple(
            slice(first, first + count)
            for first, count in zip(read.grid.offset_in(grid) or (0, 0, 0), read.grid.shape, strict=True)
        )
        whole = np.zeros(grid.shape, voxels.dtype)
        whole[place] = voxels
        voxels = whole
    return Volume(grid, voxels, read.names)


def looked_at(pairs: VolumePairs, grids: Mapping[str, Grid], uses: Uses) -> VolumeLabels:
    """All labels, for what needs to be known before a slice is written."""
    labels, problems = VolumeLabels(), list[WeaksegError]()
    for key, (_, path) in pairs.pairs.items():
        try:
            read = labels_on(grids[key], path)
            # Part by part: `np.unique` sorts a copy of what it is given.
            values = np.unique(np.concatenate([np.unique(part) for part in read.voxels])).tolist()
            if len(values) > _MOST_VALUES:
                found = f"{path} has {len(values):,} different values"
                fix = "give the voxels of all objects of a class one value"
                raise DataInvalid(found, expected=f"at most {_MOST_VALUES}, one a class", fix=fix)
            labels.class_of[key] = _class_of(path, values, read.names, pairs, uses)
        except DataInvalid as problem:
            problems.append(problem)
            continue
        known = np.isin(read.voxels, [*labels.class_of[key]])
        # One unlabelled voxel in one volume makes all maps scribbles: training would take it for void otherwise.
        labels.everywhere &= bool(known.all())
        labels.unlabelled_zeros |= 0 in values and 0 not in labels.class_of[key] and pairs.ignore != 0
        lying = grids[key].oriented(known)
        for plane, axis in PLANES.items():
            labels.marked[plane] += int(lying.any(tuple({0, 1, 2} - {axis})).sum())
            labels.thickness[plane].append(grids[key].spacing[grids[key].axes[axis]])
    if problems:
        raise DataInvalid.of(problems)
    return labels


def _class_of(path: Path, values: Sequence[int], own: dict[int, str], pairs: VolumePairs, uses: Uses) -> dict[int, str]:
    """The class of each value that means one."""
    found, strange = {}, []
    renamed = {name for name, _ in uses.names}
    for value in values:
        name = own.get(value) or pairs.names.get(value)
        if value == pairs.ignore or (value == 0 and name is None and "0" not in renamed):
            continue
        if name is None and pairs.complete:
            strange.append(value)
            continue
        label = uses.class_of(str(value) if name is None else name)
        if label is not None:
            found[value] = label
    if strange:
        expected = f"one of {', '.join(f'{value} ({name})' for value, name in sorted(pairs.names.items()))}"
        raise DataInvalid(f"{path} has the values {', '.join(map(str, strange[:10]))}", expected=expected)
    return found


def classes_of(pairs: VolumePairs, labels: VolumeLabels, uses: Uses) -> tuple[str, ...]:
    """The classes, in the order of their values."""
    declared = [(value, uses.class_of(name)) for value, name in pairs.names.items()]
    drawn = [(value, label) for each in labels.class_of.values() for value, label in each.items()]
    ordered = sorted({(value, label) for value, label in (*declared, *drawn) if label is not None})
    classes = tuple(dict.fromkeys(label for _, label in ordered))
    if not any(labels.class_of.values()):
        raise DataInvalid("no voxel has a label", fix="label a few slices, and save the labels again")
    problems = [
        DataInvalid(found, fix="give it another: --name OLD=NEW") for found in map(problem_of_name, classes) if found
    ]
    if problems:
        raise DataInvalid.of(problems)
    return classes


def plane_of(labels: VolumeLabels) -> tuple[str, str]:
    """The plane of the slices, and why."""
    fewest, second, _ = sorted(PLANES, key=lambda plane: labels.marked[plane])
    # People draw slice by slice, so in their own plane labels lie on few slices and in the other two on nearly all that
    # the object crosses.
    if 3 * labels.marked[fewest] <= labels.marked[second]:
        counts = f"{labels.marked[fewest]:,} of these slices, and on {labels.marked[second]:,} {second} ones"
        return fewest, f"slices are {fewest}, because labels lie on {counts}; --plane chooses another"
    thickness = {plane: float(np.mean(each)) for plane, each in labels.thickness.items()}
    thick, next_one, _ = sorted(thickness, key=lambda plane: -thickness[plane])
    if thickness[thick] >= 1.5 * thickness[next_one]:
        return (
            thick,
            f"slices are {thick}, because they are thickest ({thickness[thick]:.3g} mm); --plane chooses another",
        )
    return "axial", "slices are axial; --plane chooses another"
