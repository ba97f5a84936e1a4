"""Dual problem of one image on the logits' grid.

It is built from rows, labels and log-probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from weakseg.constraints.linear_rows import LinearRows
from weakseg.grids.known_cells import Known
from weakseg.projection.dual_problem import DualProblem


@dataclass(frozen=True)
class GridProblem:
    """One image's problem, and what reading its answer needs."""

    original: DualProblem
    problem: DualProblem
    """The problem after presolve, without the classes that must be 0."""
    active: Int[Tensor, " c"]
    """Indices of the active classes."""
    cells: float
    """Number of valid cells, labelled ones included."""
    all_deleted: float
    """Number of cells in which every class was deleted, so that none could be; partly void cells count in part."""


def grid_problem(log_probs: Float[Tensor, "C h w"], rows: LinearRows, known: Known, index: int) -> GridProblem:
    """Problem of one image, a batch of one.

    Rows concern the unlabelled part only: labelled pixels are counted into their bounds.
    """
    device, dtype, grid = log_probs.device, log_probs.dtype, log_probs.shape[1:]
    everything = bool(rows.absent.all())
    # Deleted classes leave the arrays altogether, so that they cost no time. If all are deleted, none is: the image
    # still needs a distribution, and the certificate tells.
    active = (~rows.absent | everything).nonzero().flatten().to(device)
    mass = known.unlabelled[index].flatten()
    scores, all_deleted = _scores(log_probs, rows, active, mass)
    # Labelled pixels are counted with their classes before anything is solved, so rows ask the rest for what is
    # missing.
    bounds = (rows.bounds - _already_there(rows, known, index))[None].to(device)
    weights = rows.weights.to(device)[None, :, active].to(dtype)
    local = bool((rows.region >= 0).any())
    maps = torch.cat([torch.ones(1, *grid, dtype=torch.float64), rows.regions]).flatten(1)[None].to(device, dtype)
    dense = rows.dense.to(device)[None, :, active].flatten(3).to(dtype)
    problem = DualProblem(
        scores=scores[None],
        mass=mass[None].to(dtype),
        weights=weights,
        bounds=bounds,
        prices=rows.prices[None].to(device),
        # Map 0 is the whole image, which `WHOLE` (-1) becomes.
        region=(rows.region + 1)[None].to(device) if local else None,
        maps=maps if local else None,
        dense=dense if len(rows.dense) else None,
    )
    all_deleted = float(mass.sum()) if everything else all_deleted
    return GridProblem(problem, problem, active, float(known.valid[index].double().sum()), all_deleted)


def _scores(log_probs, rows, active, mass):
    """Scores of the active classes, and cells without any.

    Forbidden classes have a score of -inf.
    """
    # Where no class is deleted there is no need for a copy.
    given = (log_probs if len(active) == len(log_probs) else log_probs.index_select(0, active)).flatten(1)
    scores, all_deleted = given, 0.0
    if rows.forbidden is not None:
        scores = torch.where(rows.forbidden.to(active.device)[active].flatten(1), -torch.inf, given)
        empty = (scores == -torch.inf).all(0)
        # A cell in which every class is forbidden keeps its prediction, and is counted as a contradiction.
        scores = torch.where(empty, given, scores)
        all_deleted = float(mass[empty].sum())
    if not scores.numel() or scores.amin() > -torch.inf:
        return scores, all_deleted
    # Where the prediction gives every class probability 0, all classes count as equally likely.
    impossible = scores.amax(0) == -torch.inf
    return torch.where(impossible, torch.zeros_like(scores), scores), all_deleted


def _already_there(rows: LinearRows, known: Known, index: int) -> Float[Tensor, " N"]:
    """Value of each row on the labelled pixels alone."""
    if known.labelled is None or not len(rows):
        return torch.zeros(len(rows), dtype=torch.float64)
    labelled = known.labelled[index].double().cpu()
    maps = torch.cat([rows.regions, torch.ones((1, *rows.grid), dtype=torch.float64)])
    counts = maps.flatten(1) @ labelled.flatten(1).T
    factored = (rows.weights * counts[rows.region]).sum(1)
    return torch.cat([factored, torch.einsum("nchw,chw->n", rows.dense, labelled)])


def stacked(problems: Sequence[DualProblem]) -> DualProblem:
    """Problems of several images as one batch.

    One solve of many is quicker than many solves; padding has no effect.
    """
    most = lambda name, axis: max(0 if (v := getattr(p, name)) is None else v.shape[axis] for p in problems)  # noqa: E731
    classes, factored, maps, dense = most("scores", 1), most("weights", 1), most("maps", 1), most("dense", 1)
    cells = problems[0].scores.shape[2]
    device, dtype = problems[0].scores.device, problems[0].scores.dtype
    none = lambda *shape: torch.zeros(1, *shape, device=device, dtype=dtype)  # noqa: E731
    regions = [none(0, cells) if p.maps is None else p.maps for p in problems]
    # Where only some images have regions, the whole image is still map 0 of all.
    regions = [torch.ones_like(none(1, cells)) if maps and not r.shape[1] else r for r in regions]
    at = [torch.zeros_like(p.weights[:, :, 0]).long() if p.region is None else p.region for p in problems]
    rest = [none(0, classes, cells) if p.dense is None else _grown(p.dense, dense, classes) for p in problems]
    split = [p.weights.shape[1] for p in problems]

    def rows(name: str) -> Tensor:
        held = [getattr(p, name) for p in problems]
        return torch.cat(
            [
                torch.cat([_grown(v[:, :k], factored), _grown(v[:, k:], dense)], 1)
                for v, k in zip(held, split, strict=True)
            ]
        )

    return DualProblem(
        scores=torch.cat([F.pad(p.scores, (0, 0, 0, classes - p.scores.shape[1]), value=-torch.inf) for p in problems]),
        mass=torch.cat([p.mass for p in problems]),
        weights=torch.cat([_grown(p.weights, factored, classes) for p in problems]),
        bounds=rows("bounds"),
        prices=rows("prices"),
        region=torch.cat([_grown(r, factored) for r in at]) if maps else None,
        maps=torch.cat([_grown(r, maps) for r in regions]) if maps else None,
        dense=torch.cat([_grown(r, dense, classes) for r in rest]) if dense else None,
    )


def places(problems: Sequence[DualProblem]) -> list[Int[np.ndarray, " _"]]:
    """Index of each image's rows within the stacked problem."""
    factored = max(p.weights.shape[1] for p in problems)
    found = []
    for p in problems:
        mine, said = p.weights.shape[1], p.bounds.shape[1]
        found.append(np.concatenate([np.arange(mine), factored + np.arange(said - mine)]))
    return found


def _grown(values: Tensor, rows: int, classes: int | None = None) -> Tensor:
    """Pad the second axis with zeros, optionally the third."""
    missing = [0, 0] * (values.ndim - 2) + [0, rows - values.shape[1]]
    if classes is not None:
        missing[-4:-2] = [0, classes - values.shape[2]]
    return F.pad(values, missing)
