"""The slices of volumes as files of a data folder."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Int, Integer, Shaped
from PIL import Image

from weakseg.arrays.kinds import COUNTS, WHOLE
from weakseg.classes import UNLABELED
from weakseg.data.images.label_file import write_labels
from weakseg.data.images.value_range import Range
from weakseg.data.images.value_range import written as as_line
from weakseg.data.imports.new_folder import declare
from weakseg.data.imports.volume_labels import VolumeLabels, labels_on
from weakseg.data.imports.volume_pairs import VolumePairs
from weakseg.data.volumes.grid import PLANES, Grid
from weakseg.data.volumes.volume import read_header, read_volume

TABLE = "volumes.json"
"""File of a data folder that says where its slices lie in their volumes."""
_LARGEST = 65535
_SAMPLED, _RARE = 100_000, 0.5
"""Voxels of a volume that are looked at for the range of values, and percent that may lie beyond it at either end."""


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


def write_slices(
    pairs: VolumePairs,
    grids: Mapping[str, Grid],
    labels: VolumeLabels,
    classes: tuple[str, ...],
    plane: str,
    into: Path,
    progress: Callable[[int, int], None],
) -> tuple[Range | None, int, int, Counter[str], Counter[str]]:
    """Write images, label maps and the declaration.

    Returns:
        The range of values, the numbers of slices and of labelled ones, the voxels of each class, and the slices that
        show it.
    """
    eight = all(read_header(image).voxels.dtype == np.uint8 for image, _ in pairs.pairs.values())
    written, table, values = _Written(), {}, _values(classes, labels)
    nothing = 255 if max(values) < 255 else _LARGEST
    folder = into / ("masks" if labels.everywhere else "scribbles")
    for done, (key, (image, path)) in enumerate(pairs.pairs.items(), start=1):
        grid, stored = grids[key], _stored(read_volume(image).voxels, eight)
        # Evenly and not at random, so that importing again declares the same range.
        some = stored.ravel()[:: max(stored.size // _SAMPLED, 1)]
        written.sampled.append(some[np.isfinite(some)])
        written.nan |= bool(np.isnan(some).any())
        drawn = _on_classes(labels_on(grid, path).voxels, labels.class_of[key], classes)
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


def _values(classes: tuple[str, ...], labels: VolumeLabels) -> tuple[int, ...]:
    """The value of each class in label maps: that of the volumes, where all have the same one."""
    found: dict[str, set[int]] = {name: set() for name in classes}
    for each in labels.class_of.values():
        for value, name in each.items():
            found[name].add(value)
    own = [min(values) for values in found.values() if len(values) == 1 and 0 <= min(values) < _LARGEST]
    return tuple(own) if len({*own}) == len(classes) else tuple(range(1, len(classes) + 1))


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
    # A lookup table by value would need as many entries as the largest label.
    places = np.searchsorted(known, voxels).clip(max=len(known) - 1)
    return np.where(known[places] == voxels, index[places], np.int32(UNLABELED))


def _stored(voxels: Shaped[np.ndarray, "X Y Z"], eight: bool) -> Shaped[np.ndarray, "X Y Z"]:
    """The values in a type that image files can hold: exactly, unless they need more than 32 bits."""
    if eight:
        return voxels
    if voxels.dtype.kind in COUNTS:
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
    whole = sampled.dtype.kind in WHOLE
    # A single bright voxel of metal would make everything else black.
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
