"""Multipliers of rows beside a graph cut: which labellings they lead to, and the best bound that is proven."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32
from scipy.optimize import linprog

from weakseg.joint.cut_under_rows import MET, CutUnderRows, Labelling

REACH = 2.0
"""How far multipliers move at first, in nats."""


@dataclass(frozen=True)
class Ascent:
    """All labellings that were cut, and what is proven."""

    labellings: list[Labelling]
    multipliers: Float[np.ndarray, " N"]
    """Those of the largest dual value."""
    value: float
    """That value, as far as labellings tell it; a bound where cuts are exact."""
    bound: float
    """Equation 70; no labelling that obeys the hard rows is below it."""


def ascend(
    problem: CutUnderRows,
    begin: Int32[np.ndarray, "h w"],
    multipliers: Float[np.ndarray, " N"],
    tolerance: float,
    max_cuts: int,
    max_sweeps: int,
) -> Ascent:
    """Cut, and cut again at the multipliers for which all labellings so far promise most, in a box around the best.

    Each labelling is a plane above the dual function. The box doubles where what was promised came true, and halves
    where it did not; with one row the planes' crossing is where to cut, and no box is needed (Marsten, Hogan and
    Blankenship 1975). It ends when nothing more is promised.
    """
    top, value, reach, bound = multipliers, -np.inf, REACH, -np.inf
    found: list[Labelling] = []
    for _ in range(max_cuts):
        labelling, proven = problem.solved(multipliers, begin, max_sweeps)
        found.append(labelling)
        bound, begin = max(bound, proven), labelling.labels
        here = labelling.own + float(multipliers @ (problem.bounds - labelling.measured)) / problem.root
        if here > value:
            reach *= 2 if len(found) > 1 else 1
            top, value = multipliers, here
        elif len(multipliers) > 1:
            reach /= 2
        if not len(multipliers) or (labelling.missed <= MET and labelling.energy - value <= tolerance):
            break
        multipliers, promised = _most_promising(problem, found, top, value, reach)
        if promised <= tolerance / 10:
            break
    return Ascent(found, top, value, bound)


def _most_promising(problem: CutUnderRows, found: list[Labelling], top, value: float, reach: float):
    """The multipliers in the box at which the lowest plane is highest, and how far that is above the best value."""
    slopes = np.stack([problem.bounds - each.measured for each in found]) / problem.root
    planes = np.concatenate([-slopes, np.ones((len(found), 1))], 1)
    heights = np.array([each.own for each in found]) - value
    box = np.stack([np.maximum(top - reach, 0), np.minimum(top + reach, problem.prices)], 1)
    aim = np.append(np.zeros(len(top)), -1.0)
    solved = linprog(aim, A_ub=planes, b_ub=heights, bounds=[*box.tolist(), (None, None)])
    if solved.x is None:
        return top, 0.0
    return np.clip(solved.x[:-1], box[:, 0], box[:, 1]), float(solved.x[-1])
