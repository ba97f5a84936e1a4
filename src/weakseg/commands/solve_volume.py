"""`weakseg solve` for a volume: labels of every voxel from scribbles on some slices."""

import json
import re
import time
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from weakseg.commands.options import SolveOptions
from weakseg.console.progress_bar import tell
from weakseg.data.images.value_range import require_range
from weakseg.data.volumes.nifti import write_nifti
from weakseg.data.volumes.nrrd_file import write_nrrd
from weakseg.data.volumes.volume import Volume, read_volume, whole_numbers
from weakseg.errors import DataInvalid, WeaksegError
from weakseg.files.paths import require_new
from weakseg.one_image.segment_volume import VolumeSegmentation, segment_volume

_ENDINGS = {True: (".nrrd",), False: (".nii", ".nii.gz")}
"""Ends of the names of labels, by whether they are NRRD: the scan's header is kept, so its format is too."""
_LARGEST = 65535
_TAILS = 0.5, 99.5
"""Percentiles that become black and white."""


def solve_volume_and_show(scan: Path, scribbles: Path, out: Path, wanted: SolveOptions) -> None:
    """Segment a volume, write its labels on the same grid, and print the certificate."""
    _refuse_options(scan, out, wanted)
    volume, drawn = read_volume(scan), read_volume(scribbles)
    if not volume.grid.is_like(drawn.grid):
        raise DataInvalid(
            f"{scribbles} lies on another grid than {scan}: {drawn.grid}, not {volume.grid}",
            expected="scribbles on the voxels of the scan",
            fix="draw on this scan, or export the scribbles with it as the reference",
        )
    marks = whole_numbers(scribbles, drawn.voxels)
    unlabeled = int(wanted.unlabeled) if wanted.unlabeled else 0
    strange = np.unique(marks[(marks != unlabeled) & ((marks < 0) | (marks > _LARGEST))])
    if len(strange):
        raise DataInvalid(f"{scribbles} has the label {strange[0]}", expected=f"labels from 0 to {_LARGEST}")
    spacing = volume.grid.spacing
    across = int(np.argmax(spacing))  # the axis along which neighbours tell least of each other
    within = float(np.sqrt(np.prod([size for axis, size in enumerate(spacing) if axis != across])))
    apart = lambda voxels: np.ascontiguousarray(np.moveaxis(voxels, across, 0))  # noqa: E731
    tell(f"solving {volume.grid.shape[across]} slices at once; minutes for a large scan")
    started = time.perf_counter()
    try:
        values = _in_unit(volume.voxels, wanted.range)
        found = segment_volume(apart(values), apart(marks), unlabeled, spacing[across] / within)
    except WeaksegError as error:
        raise error.at(f"{scan} with {scribbles}") from error
    labels = np.ascontiguousarray(np.moveaxis(found.labels, 0, across)).astype(np.int32)
    require_new(out, "--out")  # another command may have written it in the minutes of the solve
    (write_nrrd if out.name.lower().endswith("nrrd") else write_nifti)(out, labels, scan)
    _show(out, found, drawn, time.perf_counter() - started, wanted.json)


def _refuse_options(scan: Path, out: Path, wanted: SolveOptions) -> None:
    """Refuse what is of images alone, and an output of another kind."""
    problems, endings = [], _ENDINGS[scan.name.lower().endswith("nrrd")]
    if not out.name.lower().endswith(endings) or out.name.lower().endswith(".seg.nrrd"):
        expected = f"a name that ends in {' or '.join(endings)}, as the scan's format is kept"
        problems.append(DataInvalid(f"--out {out} for {scan}", expected=expected))
    of_images = {"--legend": wanted.legend, "--overlay": wanted.overlay, "--ignore-exif": wanted.ignore_exif or None}
    if named := [name for name, value in of_images.items() if value is not None]:
        problems.append(DataInvalid(f"{', '.join(named)} with a volume", fix="leave it out: it is of images"))
    if wanted.range is not None:
        try:
            require_range(wanted.range)
        except DataInvalid as problem:
            problems.append(problem.at("--range"))
    if wanted.unlabeled is not None and not re.fullmatch("-?[0-9]{1,9}", wanted.unlabeled):
        problems.append(DataInvalid(f"--unlabeled {wanted.unlabeled} with a volume", expected="a whole number"))
    if problems:
        raise DataInvalid.of(problems)
    require_new(out, "--out")


def _in_unit(voxels: Shaped[np.ndarray, "X Y Z"], dim: tuple[float, float] | None) -> Float[np.ndarray, "X Y Z"]:
    """Values in [0, 1].

    Black and white are those stated, or the outer half percents; the extremes where these are one value, as in a volume
    that is nearly all background. NaN is black, and infinities are black and white.
    """
    values = voxels.astype(np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros_like(values)
    low, high = np.percentile(finite, _TAILS) if dim is None else dim
    if not high > low:
        low, high = finite.min(), finite.max()
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    return ((values - low) / max(high - low, 1e-12)).clip(0, 1).astype(np.float32)


def _show(out: Path, found: VolumeSegmentation, drawn: Volume, seconds: float, as_json: bool) -> None:
    labels, counts = np.unique(found.labels, return_counts=True)
    unsure = float((found.probability < 0.75).mean())
    if as_json:
        numbers = {"energy": found.energy, "gap": found.gap, "unsure": unsure, "seconds": seconds}
        print(json.dumps({"mask": str(out), "labels": labels.tolist(), **numbers, "status": found.status}))
        return
    called = {label: f"{label} ({drawn.names[label]})" if label in drawn.names else str(label) for label in labels}
    shares = [f"{called[each]}: {100 * n / found.labels.size:.1f} %" for each, n in zip(labels, counts, strict=True)]
    print(f"{out}: {', '.join(shares)}")
    print(f"{100 * unsure:.1f} % of the voxels have a label of less than 75 % probability")
    cells = "" if found.cell_px == 1 else f", in cells of {found.cell_px} x {found.cell_px} pixels"
    print(f"energy {found.energy:.4f} nats per voxel, at most {found.gap:.1e} above the lowest{cells}; {seconds:.1f} s")
    print(found.status)
