"""Prediction of volumes, slice by slice, to volumes of labels on the same grid."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from os.path import lexists
from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped

from weakseg.classes import UNLABELED
from weakseg.data.images.image_file import interpreted
from weakseg.data.images.nodata import voided
from weakseg.data.images.stored import Reading
from weakseg.data.volumes.nifti import write_nifti
from weakseg.data.volumes.nrrd_file import write_nrrd
from weakseg.data.volumes.volume import Volume, ending_of, read_header, read_volume, stem_of
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.evaluation.image_input import fitted
from weakseg.evaluation.segments import Segments
from weakseg.files.paths import require_folder


def predict_volumes(
    predictor: Segments,
    paths: Sequence[Path],
    out: Path,
    plane: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Write a volume of labels for each volume, and return their paths.

    They are `out/<name>` with the format and the grid of the volume; labels are the training's own numbers.

    Args:
        predictor: the trained network.
        paths: NIfTI or NRRD files.
        out: the output folder, which is made where it is missing.
        plane: the plane of the slices that the network sees.
        progress: called with the number of slices done, and of all slices.

    Raises:
        DataInvalid: a volume cannot be read or does not fit the network, or an output file exists; all problems at
            once, and nothing has been written.
    """
    require_folder(out)
    targets = {path: out / f"{stem_of(path)}{_ending(path)}" for path in paths}
    headers, problems = dict[Path, Volume](), [*_clashes(targets), *_existing(targets)]
    for path in paths:
        try:
            headers[path] = read_header(path)
            # One pixel of the file's type shows whether it can be scaled, before hours of prediction.
            nothing = _in_range(np.zeros((1, 1), headers[path].voxels.dtype), predictor.reading)
            fitted(interpreted(path, nothing[..., None], predictor.reading).image, predictor.channels, str(path))
        except WeaksegError as problem:
            problems.append(problem)
    if problems:
        raise DataInvalid.of(problems)
    total, done = sum(each.grid.slices(plane) for each in headers.values()), 0
    # One volume at a time is in memory, with its labels.
    for path, target in targets.items():
        volume = read_volume(path)
        labels = np.zeros(volume.grid.shape, np.uint16)
        for index in range(volume.grid.slices(plane)):
            values = volume.grid.slice_of(volume.voxels, plane, index)
            # `slice_of` is a view, so the slice is put back where it came from, whatever the order of the axes.
            volume.grid.slice_of(labels, plane, index)[:] = _numbers(predictor, path, values)
            done += 1
            progress(done, total)
        # Another command may predict into the same folder.
        if taken := _existing({path: target}):
            raise DataInvalid.of(taken)
        (write_nrrd if target.name.endswith("nrrd") else write_nifti)(target, labels, path)
    return [*targets.values()]


def _numbers(predictor: Segments, path: Path, values: Shaped[np.ndarray, "H W"]) -> Int[np.ndarray, "H W"]:
    """The number of the most probable class at each voxel of a slice."""
    values = _in_range(values, predictor.reading)
    read = interpreted(path, np.ascontiguousarray(values)[..., None], predictor.reading)
    labels = voided(predictor.labels(read.image), read.empty)
    return np.where(labels == UNLABELED, predictor.void, np.array(predictor.numbers)[labels])


def _in_range(values: Shaped[np.ndarray, "H W"], reading: Reading) -> Shaped[np.ndarray, "H W"]:
    """Values in a type to which a declared range applies, as in an import."""
    if reading.range is None:
        return values
    return values.astype(np.int16) if values.dtype == np.uint8 else values.astype(values.dtype.newbyteorder("="))


def _ending(path: Path) -> str:
    """The ending of the labels of a volume: as its own, but segments of 3D Slicer are no labels."""
    return ending_of(path).lower().replace(".seg.nrrd", ".nrrd")


def _clashes(targets: dict[Path, Path]) -> list[WeaksegError]:
    same = defaultdict(list)
    for path, target in targets.items():
        same[target.name.casefold()].append(path)
    return [
        DataInvalid(f"{', '.join(map(str, group))} would all be written to {targets[group[0]]}", fix="rename them")
        for group in same.values()
        if len(group) > 1
    ]


def _existing(targets: dict[Path, Path]) -> list[WeaksegError]:
    there = [str(target) for target in targets.values() if lexists(target)]
    if not there:
        return []
    return [DataInvalid(f"files exist already: {', '.join(there)}", fix="choose another --out, or move them away")]
