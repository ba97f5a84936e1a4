"""How a projection ended, as a sentence for people."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

VISIBLE = 1e-6
"""Share of the valid pixels by which a row must be missed to be told of."""
TOLD = 5
"""How many rows a sentence names."""


def contradicted(names: tuple[str, ...], multipliers: Float[Tensor, " N"]) -> str:
    """The rows that no segmentation can obey together; multipliers are Farkas', equation 15."""
    said = [f"'{name}' ({value:.3g})" for name, value in zip(names, multipliers.tolist(), strict=True) if value > 0]
    if len(said) == 1:
        return f"Infeasible: no segmentation obeys {said[0]}; relaxed at a price."
    return f"Infeasible: {_list(said)} contradict each other (Farkas multipliers in brackets); relaxed at a price."


def relaxed(names: tuple[str, ...], missed: Float[np.ndarray, " N"]) -> str:
    """Which rows gave way and by how much, as shares of the valid pixels; or that all hold."""
    order = (-missed).argsort().tolist()
    said = [f"'{names[i]}' by {100 * missed[i]:.3g} %" for i in order if missed[i] > VISIBLE]
    return f"Relaxed: {_list(said)} of the valid pixels." if said else "Every row holds."


def unmet(names: tuple[str, ...], missed: Float[np.ndarray, " N"]) -> str:
    """Hard rows that no labelling met, and that are not proven to contradict each other."""
    order = (-missed).argsort().tolist()
    said = [f"'{names[i]}' by {100 * missed[i]:.3g} %" for i in order if missed[i] > 0]
    return f"Not met: {_list(said)} of the valid pixels, the smallest miss that was found."


def stopped(steps: int, gap: float, violation: float) -> str:
    """The steps were used up."""
    return f"Not converged after {steps} steps: gap {gap:.1e} nats and violation {violation:.1e} per valid pixel."


def _list(said: list[str]) -> str:
    more = [f"{len(said) - TOLD} more rows"] if len(said) > TOLD else []
    told = said[:TOLD] + more
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
