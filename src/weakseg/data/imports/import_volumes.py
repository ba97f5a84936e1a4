"""A data folder made of volumes, with labels on some of their slices."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Int, Integer, Shaped
from PIL import Image

from weakseg.classes import UNLABELED
from weakseg.data.folder.legend import problem_of_name
from weakseg.data.images.label_file import write_labels
from weakseg.data.images.value_range import Range
from weakseg.data.images.value_range import written as as_line
from weakseg.data.imports.new_folder import declare, new_folder, require_new
from weakseg.data.imports.volume_pairs import VolumePairs, pairs_of
from weakseg.data.volumes.grid import PLANES, Grid
from weakseg.data.volumes.volume import Volume, read_header, read_volume, whole_numbers
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.marks.uses import Uses

TABLE = "volumes.json"
"""File of a data folder that says where its slices lie in their volumes."""
_MOST_VALUES, _LARGEST = 1000, 65535
_SAMPLED, _RARE = 100_000, 0.5
"""Voxels of a volume that are looked at for the range of values, and percent that may lie beyond it at either end."""


@dataclass(frozen=True)
class ImportedVolumes:
    """What an import found and made."""

    classes: tuple[str, ...]
    plane: str
    range: Range | None
    """Values of black and white; `None` for eight bits."""
    slices: int
    labelled: int
    """Number of slices with a label."""
    voxels: Counter[str]
    """Labelled voxels of each class."""
    shown: Counter[str]
    """Number of slices that show each class."""
    pairs: VolumePairs
    notes: tuple[str, ...]


@dataclass(eq=False)
class _Labels:
    """What the labels of all volumes say together."""

    class_of: dict[str, dict[int, str]] = field(default_factory=dict)
    """Class of each value, by case; other values mean no class."""
    marked: Counter[str] = field(default_factory=Counter)
    """Number of slices with a label, in each plane."""
    thickness: dict[str, list[float]] = field(default_factory=lambda: {plane: [] for plane in PLANES})
    everywhere: bool = True
    """Whether each voxel has a label."""
    unlabelled_zeros: bool = False


def import_volumes(
    sources: Sequence[Path],
    images: Path,
    into: Path,
    uses: Uses,
    plane: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportedVolumes:
    """Make a data folder of volumes, a slice an image.

    Slices without a label are unlabelled, and so is the value 0 unless the files or `uses.names` make it a class.

    Args:
        sources: volumes of labels, folders of them, or a raw data set of nnU-Net.
        images: folder of the volumes that were labelled.
        into: the data folder, new or empty.
        uses: the class of each value or name; `names` alone counts.
        plane: one of `PLANES`; `None`: the one in which people drew, else that of the thickest slices.
        progress: called with the number of finished volumes and the total.

    Raises:
        DataInvalid: names, grids or values do not fit, or nothing is labelled; all problems at once, and nothing is
            written.
    """
    require_new(into)
    pairs = pairs_of(sources, images)
    grids = _grids(pairs)
    labels = _looked_at(pairs, grids, uses)
    classes = _classes(pairs, labels, uses)
    chosen, why = (plane, "") if plane else _plane(labels)
    with new_folder(into) as partial:
        made = _write(pairs, grids, labels, classes, chosen, partial, progress)
    notes = [*pairs.notes, *([why] if why else [])]
    if labels.unlabelled_zeros:
        notes.append("voxels of the value 0 are unlabelled; if they are background, import with --name 0=background")
    if number := next((name for name in classes if name.isdecimal()), ""):
        notes.append(f"classes without a name are called by their values: --name {number}=NAME gives one")
    return ImportedVolumes(classes, chosen, *made, pairs, tuple(notes))


def _grids(pairs: VolumePairs) -> dict[str, Grid]:
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


def _labels_on(grid: Grid, path: Path) -> Volume:
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


def _looked_at(pairs: VolumePairs, grids: Mapping[str, Grid], uses: Uses) -> _Labels:
    """All labels, for what needs to be known before a slice is written."""
    labels, problems = _Labels(), list[WeaksegError]()
    for key, (_, path) in pairs.pairs.items():
        try:
            read = _labels_on(grids[key], path)
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


def _classes(pairs: VolumePairs, labels: _Labels, uses: Uses) -> tuple[str, ...]:
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


def _values(classes: tuple[str, ...], labels: _Labels) -> tuple[int, ...]:
    """The value of each class in label maps: that of the volumes, where all have the same one."""
    found: dict[str, set[int]] = {name: set() for name in classes}
    for each in labels.class_of.values():
        for value, name in each.items():
            found[name].add(value)
    own = [min(values) for values in found.values() if len(values) == 1 and 0 <= min(values) < _LARGEST]
    return tuple(own) if len({*own}) == len(classes) else tuple(range(1, len(classes) + 1))


def _plane(labels: _Labels) -> tuple[str, str]:
    """The plane of the slices, and why."""
    fewest, second, _ = sorted(PLANES, key=lambda plane: labels.marked[plane])
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


@dataclass(eq=False)
class _Written:
    """What has been written so far."""

    keys: list[str] = field(default_factory=list)
    labelled: list[str] = field(default_factory=list)
    voxels: Counter[str] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    sampled: list[Shaped[np.ndarray, " N"]] = field(default_factory=list)
    """Some values of the images."""
    nan: bool = False


def _write(
    pairs: VolumePairs,
    grids: Mapping[str, Grid],
    labels: _Labels,
    classes: tuple[str, ...],
    plane: str,
    into: Path,
    progress: Callable[[int, int], None],
) -> tuple[Range | None, int, int, Counter[str], Counter[str]]:
    eight = all(read_header(image).voxels.dtype == np.uint8 for image, _ in pairs.pairs.values())
    written, table, values = _Written(), {}, _values(classes, labels)
    nothing = 255 if max(values) < 255 else _LARGEST
    folder = into / ("masks" if labels.everywhere else "scribbles")
    for done, (key, (image, path)) in enumerate(pairs.pairs.items(), start=1):
        grid, stored = grids[key], _stored(read_volume(image).voxels, eight)
        some = stored.ravel()[:: max(stored.size // _SAMPLED, 1)]
        written.sampled.append(some[np.isfinite(some)])
        written.nan |= bool(np.isnan(some).any())
        drawn = _on_classes(_labels_on(grid, path).voxels, labels.class_of[key], classes)
        digits = max(len(str(grid.slices(plane) - 1)), 3)
        for number in range(grid.slices(plane)):
            written.keys.append(f"{key}/{number:0{digits}}")
            _write_slice(into / "images" / written.keys[-1], grid.slice_of(stored, plane, number))
            found = _counted(written, grid.slice_of(drawn, plane, number), classes)
            if found is not None:
                numbered = np.where(found == UNLABELED, UNLABELED, np.array(values)[found])
                folder.joinpath(key).mkdir(parents=True, exist_ok=True)
                write_labels(folder / f"{written.keys[-1]}.png", numbered, void=nothing)
        table[key] = _place(image, path, grid, plane, digits)
        progress(done, len(pairs.pairs))
    if len(written.labelled) < len(written.keys):
        (into / "splits").mkdir()
        (into / "splits" / "train.txt").write_text("".join(f"{key}\n" for key in written.labelled), encoding="utf-8")
    bounds = None if eight else _range(np.concatenate(written.sampled))
    lines = ["nested = true", "volume = '^[^/]+'", f'plane = "{plane}"']
    lines += [f"values = [{', '.join(map(str, values))}]"] * (values != tuple(range(len(classes))))
    lines += [f"{name} = {nothing}" for name in ("unlabeled", "void") if nothing != 255]
    lines += ["nodata = nan"] * written.nan
    lines += [] if bounds is None else [as_line(bounds)]
    declare(into, classes, *lines)
    (into / TABLE).write_text(json.dumps({"plane": plane, "volumes": table}, indent=1), encoding="utf-8")
    return bounds, len(written.keys), len(written.labelled), written.voxels, written.shown


def _counted(
    written: _Written, drawn: Int[np.ndarray, "H W"], classes: tuple[str, ...]
) -> Int[np.ndarray, "H W"] | None:
    """The labels of the last slice, counted; `None` if it has none."""
    counts = np.bincount(drawn[drawn != UNLABELED], minlength=len(classes)).tolist()
    if not any(counts):
        return None
    written.labelled.append(written.keys[-1])
    written.voxels.update(dict(zip(classes, counts, strict=True)))
    written.shown.update(name for name, count in zip(classes, counts, strict=True) if count)
    return drawn


def _on_classes(
    voxels: Integer[np.ndarray, "X Y Z"], class_of: Mapping[int, str], classes: tuple[str, ...]
) -> Int[np.ndarray, "X Y Z"]:
    """Class index of each label."""
    known = np.array(sorted(class_of), np.int64)
    if not len(known):
        return np.full(voxels.shape, UNLABELED, np.int32)
    index = np.array([classes.index(class_of[value]) for value in known.tolist()], np.int32)
    places = np.searchsorted(known, voxels).clip(max=len(known) - 1)
    return np.where(known[places] == voxels, index[places], np.int32(UNLABELED))


def _stored(voxels: Shaped[np.ndarray, "X Y Z"], eight: bool) -> Shaped[np.ndarray, "X Y Z"]:
    """The values in a type that image files can hold: exactly, unless they need more than 32 bits."""
    if eight:
        return voxels
    if voxels.dtype.kind in "iub":
        low, high = int(voxels.min()), int(voxels.max())
        for dtype in (np.int16, np.uint16):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return voxels.astype(dtype)
    return voxels.astype(np.float32)


def _write_slice(path: Path, values: Shaped[np.ndarray, "H W"]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if values.dtype == np.uint8:
        Image.fromarray(np.ascontiguousarray(values)).save(path.with_name(f"{path.name}.png"))
    else:
        tifffile.imwrite(path.with_name(f"{path.name}.tif"), np.ascontiguousarray(values), compression="zlib")


def _range(sampled: Shaped[np.ndarray, " N"]) -> Range:
    """Values of black and white: the usual extremes of all volumes."""
    if not sampled.size:
        return (0, 1)
    whole = sampled.dtype.kind in "iu"
    low, high = np.percentile(sampled, [_RARE, 100 - _RARE])
    if low == high:
        low, high = sampled.min(), sampled.max() if sampled.max() > low else sampled.min() + 1
    if whole:
        return int(np.floor(low)), int(np.ceil(high))
    return float(f"{low:.4g}"), float(f"{high:.4g}")


def _place(image: Path, labels: Path, grid: Grid, plane: str, digits: int) -> dict[str, Any]:
    """What is needed to put slices back into their volume."""
    axis = grid.axes[PLANES[plane]]
    return {
        "image": str(image.resolve()),
        "labels": str(labels.resolve()),
        "shape": grid.shape,
        "spacing_mm": grid.spacing,
        "affine": grid.affine.tolist(),
        "slice_axis": axis,
        "digits": digits,
    }
