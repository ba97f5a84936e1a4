"""Certificate of a projection, in numbers and as a sentence.

All numbers are float64.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.linear_rows import LinearRows
from weakseg.projection.dual_problem import DualProblem
from weakseg.projection.duality_gap import gap_and_violation
from weakseg.projection.grid_problem import GridProblem

NO_ROW = "No constraint applies."
"""Status of an image without any constraint."""
VISIBLE = 1e-6
"""Violation of a row that a sentence reports, as a fraction of the valid pixels."""
NAMED = 5
"""Largest number of constraints that a sentence names."""


@dataclass(frozen=True)
class Answer:
    """Projection of one image, in the scale of its problem.

    Scores and multipliers are multiplied by the hardness.
    """

    problem: DualProblem
    """The problem that was solved: the original one, or its relaxation where the original is infeasible."""
    multipliers: Float[np.ndarray, "1 N"]
    probs: Float[Tensor, "c n"]
    """Probabilities of the active classes."""
    measured: Float[np.ndarray, "1 N"]
    normaliser: float
    """Sum over cells of mass times log-sum-exp."""
    steps: int
    converged: bool
    proof: Float[Tensor, " N"] | None = None
    """Farkas multipliers, where no segmentation satisfies the hard rows."""


def certificate(image: GridProblem, answer: Answer, hardness: float) -> dict[str, float]:
    """Certificate in nats and fractions per valid pixel.

    `energy` is the value of the objective.
    """
    # An image without a valid pixel has no cell, and its numbers are 0 and not nan.
    cells = max(image.cells, 1e-9)
    bounds, prices = answer.problem.bounds.cpu().numpy(), answer.problem.prices.cpu().numpy()
    paid = np.where(np.isinf(prices), 0.0, prices) * (bounds - answer.measured).clip(min=0)
    distance = gap_and_violation(bounds, prices, answer.multipliers, answer.measured)[0].item()
    original = image.original.bounds.cpu().numpy(), image.original.prices.cpu().numpy()
    # By the original prices: where the rows were relaxed, they have none that is infinite, and nothing would count as
    # violated.
    _, violation = gap_and_violation(*original, answer.multipliers, answer.measured)
    # The dual value; with the gap it is the primal one, which needs no further pass over the cells.
    lowest = (answer.multipliers * bounds).sum() - answer.normaliser
    scale = cells * hardness
    return {
        "gap": distance / scale,
        "violation": violation.item() / cells,
        "slack": float(paid.sum()) / scale,
        "contradiction": (_excess(image.original, answer.proof) if answer.proof is not None else image.all_deleted)
        / cells,
        "steps": float(answer.steps),
        "energy": (lowest + distance) / scale,
    }


def status(image: GridProblem, rows: LinearRows, answer: Answer, numbers: dict[str, float]) -> str:
    """Sentence on how the solve ended."""
    missed = (image.original.bounds.cpu().numpy() - answer.measured)[0].clip(min=0) / max(image.cells, 1e-9)
    if not image.cells:
        sentence = "No pixel is valid; no constraint applies."
    # A proof says more than that the steps ran out, so it comes first.
    elif answer.proof is not None:
        sentence = contradicted(rows.names, answer.proof)
    elif not answer.converged:
        sentence = stopped(answer.steps, numbers["gap"], numbers["violation"])
    elif not len(rows):
        sentence = NO_ROW
    else:
        sentence = violated(rows.names, missed)
    return sentence + (
        f" Every class is forbidden in {image.all_deleted:.4g} cells; the prohibition is ignored there."
        if image.all_deleted
        else ""
    )


def relaxed(problem: DualProblem, price: float) -> DualProblem:
    """The same rows with every price capped."""
    return replace(problem, prices=problem.prices.clamp(max=price))


def _excess(problem: DualProblem, proof: Float[Tensor, " N"]) -> float:
    return float((proof[None] * problem.bounds).sum() - problem.to(torch.float64).support(proof[None]))


def contradicted(names: tuple[str, ...], multipliers: Float[Tensor, " N"]) -> str:
    """Sentence for infeasible rows with Farkas multipliers, equation `infeasible`."""
    named = [f"'{name}' ({value:.3g})" for name, value in zip(names, multipliers.tolist(), strict=True) if value > 0]
    if len(named) == 1:
        return f"Infeasible: no segmentation satisfies {named[0]}; it is relaxed to a penalty."
    return (
        f"Infeasible: {_list(named)} cannot all hold (Farkas multipliers in brackets); they are relaxed to penalties."
    )


def violated(names: tuple[str, ...], missed: Float[np.ndarray, " N"]) -> str:
    """Sentence on violated constraints, or that all hold.

    Violations are given as fractions of the valid pixels.
    """
    order = (-missed).argsort().tolist()
    named = [f"'{names[i]}' by {100 * missed[i]:.3g} %" for i in order if missed[i] > VISIBLE]
    return f"Violated: {_list(named)} of the valid pixels." if named else "Every constraint holds."


def unsatisfied(names: tuple[str, ...], missed: Float[np.ndarray, " N"]) -> str:
    """Sentence for hard rows that no labelling satisfied.

    They are not proven infeasible.
    """
    order = (-missed).argsort().tolist()
    named = [f"'{names[i]}' by {100 * missed[i]:.3g} %" for i in order if missed[i] > 0]
    return f"Not satisfied: {_list(named)} of the valid pixels, the smallest violation that was found."


def stopped(steps: int, gap: float, violation: float) -> str:
    """Sentence for a solve that used up its steps."""
    return f"Not converged after {steps} steps: gap {gap:.1e} nats and violation {violation:.1e} per valid pixel."


def _list(named: list[str]) -> str:
    more = [f"{len(named) - NAMED} more"] if len(named) > NAMED else []
    listed = named[:NAMED] + more
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
