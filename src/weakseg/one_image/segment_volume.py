"""A volume and a few scribbles to a segmentation, all slices at once."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch.nn import functional as F

from weakseg.appearance.scribble_densities import ScribbleDensities
from weakseg.arrays.memory import require_memory
from weakseg.errors import EvidenceInvalid
from weakseg.joint.across_slices import AcrossSlices
from weakseg.joint.joint_projection import JointProjection
from weakseg.types import UNLABELED, Batch, Evidence

CELLS = 1_000_000
"""Largest number of cells. Larger volumes have cells of several voxels within a slice."""

_PER_CELL = 160
"""Bytes for each cell and label: multipliers of nine edges, those of the sweep before, scores and means."""

EDGE_WEIGHT = 0.5
"""gamma of equation `joint`; chosen with one slice in three scribbled on volumes of hearts (docs/results.md)."""


@dataclass(frozen=True)
class VolumeSegmentation:
    """Labels of a volume, and how far from the optimum they were found."""

    labels: Integer[np.ndarray, "D H W"]
    """Label of every voxel, one of the scribbles' labels."""
    probability: Float[np.ndarray, "D H W"]
    """Probability of that label, in [0, 1]; low where a person should look."""
    energy: float
    """Energy of the soft segmentation, in nats per voxel."""
    gap: float
    """How far that energy can be above the lowest, in nats per voxel."""
    cell_px: int
    """Side of the cells in which it was solved, in pixels."""
    status: str
    """Sentence on how the solve ended."""


def segment_volume(
    volume: Float[np.ndarray, "D H W"], scribbles: Integer[np.ndarray, "_ _ _"], unlabeled: int, slice_px: float
) -> VolumeSegmentation:
    """Segmentation of a volume from scribbles on some slices, equation `joint`.

    No network is involved. Scribbles keep their label; other voxels take that of scribbles near them, on any slice, and
    like them in value, and boundaries follow edges within slices and between them.

    Args:
        volume: values in [0, 1], slice by slice.
        scribbles: labels, at least two different ones.
        unlabeled: the value of `scribbles` at unlabelled voxels.
        slice_px: distance between slices, as a multiple of that between pixels.

    Raises:
        EvidenceInvalid: shapes differ, values are outside [0, 1], or fewer than two labels are drawn.
    """
    if volume.shape != scribbles.shape:
        raise EvidenceInvalid(f"a volume of {volume.shape} with scribbles of {scribbles.shape}", expected="one shape")
    if not (np.isfinite(volume).all() and volume.min() >= 0 and volume.max() <= 1):
        raise EvidenceInvalid(f"values from {volume.min()} to {volume.max()}", expected="finite values in [0, 1]")
    drawn = scribbles != unlabeled
    labels = np.unique(scribbles[drawn])
    if len(labels) < 2:
        found = f"the scribbles hold {len(labels)} labels besides {unlabeled}, which is unlabelled"
        fix = "draw on every structure, and on the background with a label of its own"
        raise EvidenceInvalid(found, expected="two labels or more", fix=fix)
    seeds = np.where(drawn, np.searchsorted(labels, scribbles), UNLABELED).astype(np.int64)
    cell_px = _cell(volume.shape)
    _require_memory(volume.shape, len(labels))
    solver = AcrossSlices(
        JointProjection(
            edge_weight=EDGE_WEIGHT,
            prediction_weight=0.0,
            appearance=ScribbleDensities(cell_px=cell_px),
            only_classes_present=False,  # a class is often drawn on few of the slices that show it
            cell_px=cell_px,
        ),
        slice_px,
    )
    batch = Batch.of(torch.from_numpy(volume[:, None]).float(), len(labels), seeds=torch.from_numpy(seeds))
    even = torch.full((len(volume), len(labels), 1, 1), 1 / len(labels)).log()
    found = solver.solve(Evidence(batch.image, even, batch.weak))
    probs = F.interpolate(found.target.float(), volume.shape[1:], mode="bilinear", align_corners=False)
    probability, best = (values.numpy() for values in probs.max(1))
    return VolumeSegmentation(
        labels=labels[np.where(drawn, seeds, best)],
        probability=np.where(drawn, 1.0, probability),
        energy=float(found.energy[0]),
        gap=float(found.certificate["gap"][0]),
        cell_px=cell_px,
        status=found.status[0],
    )


def _require_memory(shape: tuple[int, ...], labels: int) -> None:
    voxels = int(np.prod(shape))
    require_memory(
        f"a volume of {' x '.join(map(str, shape))} voxels with {labels} labels",
        min(voxels, CELLS) * labels * _PER_CELL + voxels * (labels + 4) * 8,
        fix="crop the scan to what matters, resample it, or use a machine with more memory",
    )


def _cell(shape: tuple[int, ...]) -> int:
    """Side of the smallest cells that are few enough."""
    slices, height, width = shape
    side = 1
    while slices * -(-height // side) * -(-width // side) > CELLS and side < max(height, width):
        side += 1
    return side
