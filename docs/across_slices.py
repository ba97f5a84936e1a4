"""Hidden segmentations of hearts without a network: slices together and by themselves, with fewer and fewer scribbles.

    python docs/across_slices.py            # eight training volumes of acdc, human scribbles; two minutes

Mean Dice of structures per volume, against the masks. `every` keeps the scribbles of one slice in so many. Slices by
themselves without scribbles take the segmentation of the nearest slice that has some.
"""

import sys
from collections import defaultdict
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from weakseg import AcrossSlices, Batch, Evidence, Folder, JointProjection
from weakseg.appearance import ScribbleDensities
from weakseg.data.folder.declaration import Declaration
from weakseg.data.sample import Sample
from weakseg.data.view import collate, view, whole
from weakseg.types import UNLABELED

VOLUMES, CLASSES = 8, 4
JOINT = JointProjection(
    prediction_weight=0.0, appearance=ScribbleDensities(), only_classes_present=False, cell_px=4, edge_weight=0.5
)


def volumes() -> list[list[Sample]]:
    """Evenly chosen volumes, each its slices from base to apex."""
    data = Folder("acdc", "train", declaration=Declaration(volume=r"patient\d+_frame\d+"))
    found = defaultdict(list)
    for sample in map(data.__getitem__, range(len(data))):
        found[sample.volume].append(sample)
    each = [sorted(slices, key=lambda sample: int(sample.key.split("_")[-1])) for slices in found.values()]
    return each[:: max(len(each) // VOLUMES, 1)][:VOLUMES]


def evidence_of(slices: list[Sample], kept: list[int]) -> Evidence:
    """The volume, scribbled on some slices, and an even prediction."""
    seen = collate([view(sample, whole(), sample.valid.shape) for sample in slices])
    seeds = torch.full_like(seen.weak.seeds, UNLABELED)
    seeds[kept] = seen.weak.seeds[kept]
    batch = Batch.of(seen.image, CLASSES, seeds=seeds, valid=seen.weak.valid)
    return Evidence(batch.image, torch.full((len(slices), CLASSES, 1, 1), 1 / CLASSES).log(), batch.weak)


def dice(found: np.ndarray, slices: list[Sample]) -> float:
    """Mean over structures of one volume."""
    truth, valid = (np.stack([getattr(sample, name) for sample in slices]) for name in ("truth", "valid"))
    each = []
    for k in range(1, CLASSES):
        one, other = (found == k) & valid, (truth == k) & valid
        if one.any() or other.any():
            each.append(2 * (one & other).sum() / (one.sum() + other.sum()))
    return float(np.mean(each))


def labels(target: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """The most likely class of each pixel."""
    return F.interpolate(target.float(), size, mode="bilinear", align_corners=False).argmax(1).numpy()


def main() -> None:
    """Print the table."""
    chosen = volumes()
    ways = {f"across, {px:g} px apart": AcrossSlices(JOINT, px) for px in (6.7, 3.0, 1.5)}
    ways["across, edges of .2, 6.7 px"] = AcrossSlices(replace(JOINT, edge_weight=0.2), 6.7)
    print("every | each slice by itself | " + " | ".join(ways))
    for every in (1, 2, 3, 5):
        rows = []
        for slices in chosen:
            kept = list(range(every // 2, len(slices), every))
            evidence, size = evidence_of(slices, kept), slices[0].valid.shape
            alone = labels(JOINT.solve(evidence).target, (size[0], size[1]))
            near = alone[[min(kept, key=lambda k: abs(k - i)) for i in range(len(slices))]]
            across = [labels(way.solve(evidence).target, (size[0], size[1])) for way in ways.values()]
            rows.append([dice(each, slices) for each in (near, *across)])
        mean, spread = np.mean(rows, 0), np.std(rows, 0, ddof=1)
        print(f"{every} | " + " | ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, spread, strict=True)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
