"""Row multipliers of a graph cut, by cutting planes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32
from scipy.optimize import linprog

from weakseg.joint.cut_under_rows import MET, CutUnderRows, Labelling

RADIUS = 2.0
"""Half width of the first trust region around the multipliers, in nats."""


@dataclass(frozen=True)
class Ascent:
    """Labellings found by an ascent, and the proven bound."""

    labellings: list[Labelling]
    multipliers: Float[np.ndarray, " N"]
    """Multipliers of the largest dual value."""
    value: float
    """The largest dual value that the labellings show; a lower bound where cuts are exact."""
    bound: float
    """Lower bound by equation `joint-cut-bound`: no labelling that satisfies the hard rows has a lower energy."""


def ascend(
    problem: CutUnderRows,
    begin: Int32[np.ndarray, "h w"],
    multipliers: Float[np.ndarray, " N"],
    tolerance: float,
    max_cuts: int,
    max_sweeps: int,
) -> Ascent:
    """Maximise the dual by cutting planes in a trust region.

    Each cut is made at the multipliers for which all labellings so far promise most.

    Each labelling is a plane above the dual function. The trust region doubles after a step that raised the dual and
    halves after one that did not; with one row the planes' crossing is the next point, and no trust region is needed
    (Marsten, Hogan and Blankenship 1975). The ascent ends when the model promises no further rise.
    """
    top, value, radius, bound = multipliers, -np.inf, RADIUS, -np.inf
    found: list[Labelling] = []
    for _ in range(max_cuts):
        labelling, proven = problem.solved(multipliers, begin, max_sweeps)
        found.append(labelling)
        bound, begin = max(bound, proven), labelling.labels
        # The dual value that this labelling shows. A cut that is not optimal shows a value that is too large, so it
        # proves nothing; `bound` does.
        here = labelling.own + float(multipliers @ (problem.bounds - labelling.measured)) / problem.root
        if here > value:
            # The first point raises the value from minus infinity, which is no reason to trust the model.
            radius *= 2 if len(found) > 1 else 1
            top, value = multipliers, here
        elif len(multipliers) > 1:
            radius /= 2
        if not len(multipliers) or (labelling.missed <= MET and labelling.energy - value <= tolerance):
            break
        multipliers, promised = _most_promising(problem, found, top, value, radius)
        # The planes lie above the dual function: if even their maximum is near, nothing is left to gain.
        if promised <= tolerance / 10:
            break
    return Ascent(found, top, value, bound)


def _most_promising(problem: CutUnderRows, found: list[Labelling], top, value: float, radius: float):
    """Maximum of the cutting-plane model, and its rise."""
    slopes = np.stack([problem.bounds - each.measured for each in found]) / problem.root
    planes = np.concatenate([-slopes, np.ones((len(found), 1))], 1)
    # Relative to the present value: heights of thousands that differ in the eighth digit would be lost in the
    # programme's tolerance.
    heights = np.array([each.own for each in found]) - value
    region = np.stack([np.maximum(top - radius, 0), np.minimum(top + radius, problem.prices)], 1)
    aim = np.append(np.zeros(len(top)), -1.0)
    solved = linprog(aim, A_ub=planes, b_ub=heights, bounds=[*region.tolist(), (None, None)])
    # The linear programme can fail by rounding; then the ascent ends with the best point so far.
    if solved.x is None:
        return top, 0.0
    return np.clip(solved.x[:-1], region[:, 0], region[:, 1]), float(solved.x[-1])
