"""The graph cut problem of one image.

Costs of labels and of edges, on its pixels or on larger cells.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int32
from torch import Tensor
from torch.nn import functional as F

from weakseg.energies.grid_potts import GridPotts
from weakseg.grids.pooling import classes_per_cell, pooled, share_per_cell
from weakseg.types import UNLABELED

SURPRISE = 100.0
"""Largest -log q that counts, in nats; smaller probabilities do not exist in float32 either."""


class CutProblem(NamedTuple):
    """Arguments of `minimise`, with labels among the allowed classes."""

    unary: Float32[np.ndarray, "K h w"]
    weight: Float32[np.ndarray, "D h w"]
    valid: Bool[np.ndarray, "h w"]
    seeds: Int32[np.ndarray, "h w"]
    begin: Int32[np.ndarray, "h w"]


class Pixels(NamedTuple):
    """An image as it is given, and where cuts of it begin."""

    image: Float[Tensor, "M H W"]
    valid: Bool[Tensor, "H W"]
    seeds: Int[Tensor, "H W"]
    begin: Int[Tensor, "H W"]


def cut_problem(
    potts: GridPotts,
    prediction_weight: float,
    allowed: Int[Tensor, " K"],
    log_probs: Float[Tensor, "C _ _"],
    pixels: Pixels,
    grid: tuple[int, int],
) -> tuple[CutProblem, float]:
    """Equation `labelling` times the root of n, and that root.

    n is the number of valid cells.

    A cell costs the mean of its valid pixels, times its valid fraction, and has the class that most of its seeds, or of
    `begin`, have.
    """
    image, valid, seeds, begin = pixels
    size, classes = (valid.shape[0], valid.shape[1]), len(log_probs)
    share = share_per_cell(valid[None], grid)[0]
    root = max(float(share.double().sum()), 1e-6) ** 0.5
    unary = pooled(surprise(log_probs, size, allowed) * valid, grid) * (prediction_weight / root)
    # Index among the allowed classes, from that among all; the last entry is for UNLABELED.
    index = torch.full((classes + 1,), UNLABELED, dtype=torch.int32)
    index[allowed] = torch.arange(len(allowed), dtype=torch.int32)
    problem = CutProblem(
        unary=np.ascontiguousarray(unary.numpy(), dtype=np.float32),
        weight=potts.edge_costs(image.numpy(), valid.numpy(), grid),
        valid=(share > 0).numpy(),
        seeds=index[_prevailing(seeds, classes, grid)].numpy(),
        begin=index[_prevailing(begin, classes, grid)].numpy(),
    )
    return problem, root


def in_pixels(labels: Int[np.ndarray, "h w"], size: tuple[int, int]) -> Int[np.ndarray, "H W"]:
    """Cell labels on the pixel grid."""
    rows, columns = (np.arange(pixels) * cells // pixels for pixels, cells in zip(size, labels.shape, strict=True))
    return labels[rows[:, None], columns]


def surprise(
    log_probs: Float[Tensor, "C h w"], size: tuple[int, int], allowed: Int[Tensor, " K"]
) -> Float32[Tensor, "K H W"]:
    """Negative log-probabilities at the labels' resolution, capped.

    They lie in [0, `SURPRISE`].
    """
    scores = log_probs.detach()
    if scores.shape[1:] != size:
        # -inf times a weight of 0 would be NaN.
        scores = F.interpolate(scores.float().clamp(min=-1e4)[None], size, mode="bilinear", align_corners=False)[0]
        scores = scores.log_softmax(0)
    return scores[allowed.to(scores.device)].float().cpu().clamp_(-SURPRISE, 0).neg_()


def _prevailing(labels: Int[Tensor, "H W"], classes: int, grid: tuple[int, int]) -> Int[Tensor, "h w"]:
    """Most frequent label of each cell, or `UNLABELED`."""
    if labels.shape == grid:
        return labels
    shares = classes_per_cell(labels[None], classes, grid)[0]
    return torch.where(shares.sum(0) > 0, shares.argmax(0), UNLABELED)
