"""From rows, labels and log-probabilities of one image to its dual problem on the logits' grid."""

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
    """One image's problem, and what is needed to read its answer."""

    asked: DualProblem
    problem: DualProblem
    """The same after what must be 0 has been deleted."""
    kept: Int[Tensor, " c"]
    """The classes that are left."""
    cells: float
    """How many valid cells there are, marked ones included."""
    undeleted: float
    """At how many cells, void ones in part, every class was deleted, so that none could be."""


def grid_problem(log_probs: Float[Tensor, "C h w"], rows: LinearRows, known: Known, index: int) -> GridProblem:
    """A batch of one; rows are about what is hidden, because marked pixels are counted into their bounds."""
    device, dtype, grid = log_probs.device, log_probs.dtype, log_probs.shape[1:]
    everything = bool(rows.absent.all())
    kept = (~rows.absent | everything).nonzero().flatten().to(device)
    mass = known.hidden[index].flatten()
    scores, undeleted = _scores(log_probs, rows, kept, mass)
    bounds = (rows.bounds - _already_there(rows, known, index))[None].to(device)
    weights = rows.weights.to(device)[None, :, kept].to(dtype)
    local = bool((rows.region >= 0).any())
    maps = torch.cat([torch.ones(1, *grid, dtype=torch.float64), rows.regions]).flatten(1)[None].to(device, dtype)
    dense = rows.dense.to(device)[None, :, kept].flatten(3).to(dtype)
    problem = DualProblem(
        scores=scores[None],
        mass=mass[None].to(dtype),
        weights=weights,
        bounds=bounds,
        prices=rows.prices[None].to(device),
        region=(rows.region + 1)[None].to(device) if local else None,
        maps=maps if local else None,
        dense=dense if len(rows.dense) else None,
    )
    undeleted = float(mass.sum()) if everything else undeleted
    return GridProblem(problem, problem, kept, float(known.valid[index].double().sum()), undeleted)


def _scores(log_probs, rows, kept, mass):
    """Scores of the classes that are left, with -inf where cells forbid them; and where nothing could be deleted."""
    # Where no class is deleted there is no need for a copy.
    given = (log_probs if len(kept) == len(log_probs) else log_probs.index_select(0, kept)).flatten(1)
    scores, undeleted = given, 0.0
    if rows.forbidden is not None:
        scores = torch.where(rows.forbidden.to(kept.device)[kept].flatten(1), -torch.inf, given)
        empty = (scores == -torch.inf).all(0)
        scores = torch.where(empty, given, scores)
        undeleted = float(mass[empty].sum())
    if not scores.numel() or scores.amin() > -torch.inf:
        return scores, undeleted
    # A cell whose classes were all impossible to begin with knows nothing about them.
    impossible = scores.amax(0) == -torch.inf
    return torch.where(impossible, torch.zeros_like(scores), scores), undeleted


def _already_there(rows: LinearRows, known: Known, index: int) -> Float[Tensor, " N"]:
    """What each row measures on the marked pixels alone."""
    if known.marked is None or not len(rows):
        return torch.zeros(len(rows), dtype=torch.float64)
    marked = known.marked[index].double().cpu()
    maps = torch.cat([rows.regions, torch.ones((1, *rows.grid), dtype=torch.float64)])
    counts = maps.flatten(1) @ marked.flatten(1).T
    factored = (rows.weights * counts[rows.region]).sum(1)
    return torch.cat([factored, torch.einsum("nchw,chw->n", rows.dense, marked)])


def stacked(problems: Sequence[DualProblem]) -> DualProblem:
    """Images side by side, where one solve of many is quicker than many solves; what is missing binds nothing."""
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
    """Where each image's rows stand among those of the stacked problem."""
    factored = max(p.weights.shape[1] for p in problems)
    found = []
    for p in problems:
        mine, said = p.weights.shape[1], p.bounds.shape[1]
        found.append(np.concatenate([np.arange(mine), factored + np.arange(said - mine)]))
    return found


def _grown(values: Tensor, rows: int, classes: int | None = None) -> Tensor:
    """Zeros after the second axis, and after the third where a number of classes is given."""
    missing = [0, 0] * (values.ndim - 2) + [0, rows - values.shape[1]]
    if classes is not None:
        missing[-4:-2] = [0, classes - values.shape[2]]
    return F.pad(values, missing)
