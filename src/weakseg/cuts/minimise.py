"""Minimise a Potts energy on a grid, with a bound.

Alpha-expansion on plain arrays.

The order: pixels that cannot but have a label are fixed; a few sweeps of messages give dual variables and labels;
expansion moves improve the labels; where most is left between energy and bound, windows are solved again. Equations
`labelling` to `dual-update` of docs/theory.md.
"""

import numpy as np
from jaxtyping import Bool, Float32, Int32

from weakseg.cuts.flows.expansion_moves import lower_bound
from weakseg.cuts.flows.max_flow import BUDGET, ENDLESS
from weakseg.cuts.labelling_energy import cheapest, labelling_energy
from weakseg.cuts.levels import doubled, expand_tiles, halved
from weakseg.cuts.low_memory import without_reuse
from weakseg.cuts.raised_bound import raised_bound
from weakseg.cuts.run import Cut, begun, finished, improved, padded_labels
from weakseg.cuts.windows import refine_windows

LARGE = 1 << 16
"""Number of pixels above which an image is first solved in cells of two by two."""

STEPS_A_PIXEL = 200
"""Flow steps per pixel of a large image, before tiles are expanded instead."""

LOOSE = 0.1
"""Gap between energy and bound, relative to the energy, above which the bound is raised by flows of its own."""

REUSE_BUDGET = 2 << 30
"""Largest memory for storing the dual variables of all labels, in bytes."""


def minimise(
    unary: Float32[np.ndarray, "K H W"],
    weight: Float32[np.ndarray, "D H W"],
    valid: Bool[np.ndarray, "H W"],
    seeds: Int32[np.ndarray, "H W"],
    begin: Int32[np.ndarray, "H W"],
    max_sweeps: int,
) -> Cut:
    """Minimise unaries plus weights of cut edges, equation `labelling`.

    Two labels are solved exactly where it converges: a labelling that no expansion improves is then the best. Up to
    `LARGE` pixels that takes nothing but sweeps; above, steps are proportional to the pixels, and may not suffice.

    Args:
        unary: finite costs.
        weight: >= 0, to the later neighbour in each direction; 0 where that is outside, or either pixel is not valid.
        valid: False on pixels that are left out.
        seeds: the label of a pixel that has to have it, or -1.
        begin: a labelling to start from where it is better than the one the messages give; -1 where none is known.
        max_sweeps: how often each label may be expanded.
    """
    return with_raised_bound(labelled(unary, weight, valid, seeds, begin, max_sweeps), unary, weight, valid, seeds)


def with_raised_bound(cut: Cut, unary, weight, valid, seeds, loose: float = LOOSE) -> Cut:
    """The same answer; where its gap is wider than `loose` allows, with a bound that is searched for."""
    energy = float(cut.energies[-1])
    too_large = bytes_with_reuse(valid.shape, len(unary), len(weight)) > REUSE_BUDGET
    # Two labels are solved exactly, so their bound is the energy already.
    if len(unary) <= 2 or too_large or energy - cut.bound <= loose * abs(energy):
        return cut
    return cut._replace(bound=min(max(cut.bound, raised_bound(unary, weight, valid, seeds)), energy))


def labelled(unary, weight, valid, seeds, begin, max_sweeps: int) -> Cut:
    """The answer of `minimise`, with the bound that finding it gives."""
    large, steps = valid.size > LARGE, ENDLESS
    if large:
        cells = labelled(*halved(unary, weight, valid, seeds, begin), max_sweeps)
        begin = from_cells(cells, unary, weight, valid, seeds, begin)
        # Where the steps did not suffice for cells they would not for pixels.
        steps = STEPS_A_PIXEL * valid.size if cells.converged else 0
    if bytes_with_reuse(valid.shape, len(unary), len(weight)) > REUSE_BUDGET and len(unary) > 2:
        return without_reuse(unary, weight, valid, seeds, begin, max_sweeps)
    run = begun(unary, weight, valid, seeds, begin)
    run.trees.count[BUDGET] = steps
    bound = lower_bound(run.potts)
    changes, converged = improved(run, max_sweeps)
    bound = max(bound, lower_bound(run.potts))
    if converged and len(unary) > 2:
        gain = refine_windows(run, unary, weight, valid, max_sweeps)
        if gain < 0:
            more, converged = improved(run, max_sweeps)
            changes, bound = np.concatenate([changes, [gain], more]), max(bound, lower_bound(run.potts))
    elif large and not converged:
        changes = np.append(changes, expand_tiles(run, unary, weight, valid, max_sweeps))
    labels = finished(run)
    energies = run.first + np.concatenate([[0.0], np.cumsum(changes)])
    if not converged:
        # Costs are capped where no label can win, but an unconverged labelling may still contain such labels.
        energies = np.maximum(energies, labelling_energy(unary, weight, valid, labels))
    bound = max(run.base + bound / run.scale, cheapest(unary, valid, seeds))
    return Cut(labels, energies, min(float(bound), float(energies[-1])), converged)


def from_cells(cells: Cut, unary, weight, valid, seeds, begin) -> Int32[np.ndarray, "H W"]:
    """Initial labels: those of cells, or the given ones.

    The choice goes by energy.
    """
    free = valid & (seeds < 0)
    found = np.where(free, doubled(cells.labels, valid.shape), np.maximum(seeds, 0))
    given = np.where(free & (begin >= 0), begin, found)
    return min(found, given, key=lambda labels: labelling_energy(unary, weight, valid, labels))


def bytes_with_reuse(size: tuple[int, int], classes: int, half: int) -> int:
    """Working memory beyond the inputs, in bytes."""
    padded = padded_labels(classes)
    problem, potts, trees = 4 * padded + 4 * half + 9, 4 * half * (padded + 1) + 4 * classes + 16, 8 * half + 27
    return (size[0] + 2) * (size[1] + 2) * (problem + potts + trees)


def bytes_without_reuse(size: tuple[int, int], half: int) -> int:
    """Working memory of a single move, in bytes.

    It does not depend on the number of labels, as each move has two.
    """
    return bytes_with_reuse(size, 2, half) + size[0] * size[1] * (8 * half + 40)


def memory_needed(size: tuple[int, int], classes: int, half: int) -> int:
    """Working memory of `minimise` beyond its inputs, in bytes."""
    full = bytes_with_reuse(size, classes, half)
    return full if full <= REUSE_BUDGET or classes <= 2 else bytes_without_reuse(size, half)
