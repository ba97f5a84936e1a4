"""Stage A beside masks: what each solver makes of one network's predictions on acdc, sizes known roughly.

`WEAKSEG_DATA=... python docs/stage_a.py RUN [EDGE_WEIGHT ...]` with a run of recipes/acdc_partial.py. Training slices
spread over the set, their human scribbles, the classes that are there, and each one's true size within a quarter.
"""

import sys
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import weakseg
from weakseg import Evidence, Folder, JointCut, JointProjection
from weakseg.appearance import ScribbleDensities
from weakseg.constraints import All, SizesWithin, UntaggedClassesAbsent
from weakseg.data.view import view, whole
from weakseg.evaluation.scores import confusion
from weakseg.recipe.recipe import load_recipe

SLICES, WITHIN = 24, 0.25
RECIPE = Path(__file__).parent.parent / "recipes" / "acdc_partial.py"
ROWS = All((SizesWithin(inf), UntaggedClassesAbsent()))


def main(run: str, edge_weights: list[float]) -> None:
    """Print a table."""
    predictor, folder = weakseg.load(run), load_recipe(RECIPE).training
    assert isinstance(folder, Folder)
    chosen = [folder[int(i)] for i in np.linspace(0, len(folder) - 1, SLICES)]
    seen = [evidence_of(sample, predictor.log_probs(sample.image[None])) for sample in chosen]
    print("| | mIoU | mean Dice of a slice | pixels right |\n|---|---|---|---|")
    told("network, scribbles kept", None, seen)
    known = {"appearance": ScribbleDensities(), "appearance_weight": 0.5}
    told("rows", JointProjection(ROWS, potts=None, cell_px=2, **known), seen)
    for weight in edge_weights:
        known["edge_weight"] = weight
        told(f"cut, edges {weight}", JointCut(**known), seen)
        told(f"rows and edges {weight}, soft", JointProjection(ROWS, cell_px=2, **known), seen)
        told(f"rows and edges {weight}, cut", JointCut(ROWS, **known), seen)


def evidence_of(sample, log_probs):
    """What a solver sees of a slice, and its mask."""
    batch = view(sample, whole(), sample.valid.shape)
    classes = log_probs.shape[1]
    truth = np.where(sample.valid, sample.truth, -1)
    share = torch.tensor([[(truth == k).sum() / sample.valid.sum() for k in range(classes)]]).float()
    areas = torch.stack([share * (1 - WITHIN), (share * (1 + WITHIN)).clamp(max=1)], 2)
    weak = replace(batch.weak, areas=areas, tags=(share > 0).long())
    return Evidence(batch.image, torch.from_numpy(log_probs), weak), truth


def told(name, solver, seen) -> None:
    """Print a row."""
    matrices = []
    for evidence, truth in seen:
        target = evidence.log_probs if solver is None else solver.solve(evidence).target
        labels = F.interpolate(target, truth.shape, mode="bilinear", align_corners=False).argmax(1)
        labels = torch.where(evidence.weak.seeds >= 0, evidence.weak.seeds, labels)
        matrices.append(confusion(truth, labels[0].numpy(), target.shape[1]))
    right, both = (np.array(part) for part in zip(*[(np.diag(m), m.sum(0) + m.sum(1)) for m in matrices], strict=True))
    iou = right.sum(0) / (both - right).sum(0)
    dice = 2 * right[:, 1:][both[:, 1:] > 0] / both[:, 1:][both[:, 1:] > 0]
    share = right.sum() / sum(m.sum() for m in matrices)
    print(f"| {name} | {iou.mean():.3f} | {dice.mean():.3f} | {share:.4f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], [float(weight) for weight in sys.argv[2:]] or [0.05])
