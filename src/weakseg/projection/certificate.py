"""Certificate of a projection, in numbers and as a sentence.

All numbers are float64.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.linear_rows import LinearRows
from weakseg.projection import status as projection_status
from weakseg.projection.dual_problem import DualProblem
from weakseg.projection.duality_gap import gap_and_violation
from weakseg.projection.grid_problem import GridProblem

NO_ROW = "No constraint applies."
"""Status of an image without any constraint."""


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
    cells = max(image.cells, 1e-9)
    bounds, prices = answer.problem.bounds.cpu().numpy(), answer.problem.prices.cpu().numpy()
    paid = np.where(np.isinf(prices), 0.0, prices) * (bounds - answer.measured).clip(min=0)
    distance = gap_and_violation(bounds, prices, answer.multipliers, answer.measured)[0].item()
    original = image.original.bounds.cpu().numpy(), image.original.prices.cpu().numpy()
    _, violation = gap_and_violation(*original, answer.multipliers, answer.measured)
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
    elif answer.proof is not None:
        sentence = projection_status.contradicted(rows.names, answer.proof)
    elif not answer.converged:
        sentence = projection_status.stopped(answer.steps, numbers["gap"], numbers["violation"])
    elif not len(rows):
        sentence = NO_ROW
    else:
        sentence = projection_status.relaxed(rows.names, missed)
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
