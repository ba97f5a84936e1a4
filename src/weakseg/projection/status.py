"""Sentences that say how a projection ended."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

VISIBLE = 1e-6
"""Violation of a row that a sentence reports, as a fraction of the valid pixels."""
NAMED = 5
"""Largest number of constraints that a sentence names."""


def contradicted(names: tuple[str, ...], multipliers: Float[Tensor, " N"]) -> str:
    """Sentence for infeasible rows with Farkas multipliers, equation `infeasible`."""
    named = [f"'{name}' ({value:.3g})" for name, value in zip(names, multipliers.tolist(), strict=True) if value > 0]
    if len(named) == 1:
        return f"Infeasible: no segmentation satisfies {named[0]}; it is relaxed to a penalty."
    return (
        f"Infeasible: {_list(named)} cannot all hold (Farkas multipliers in brackets); they are relaxed to penalties."
    )


def relaxed(names: tuple[str, ...], missed: Float[np.ndarray, " N"]) -> str:
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
