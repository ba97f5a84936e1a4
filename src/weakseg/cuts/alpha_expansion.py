"""Alpha-expansion by graph cuts, with a lower bound.

It is stage A of the robust trust region.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.compilation.compiled import report_compiling
from weakseg.cuts.cut_problem import Pixels, cut_problem, in_pixels
from weakseg.cuts.in_windows import Costs, solve_in_windows
from weakseg.cuts.minimise import minimise
from weakseg.cuts.pyramid import memory_needed, solved
from weakseg.cuts.run import Cut
from weakseg.energies.grid_potts import GridPotts
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import allowed_classes
from weakseg.grids.working_grid import grid_of
from weakseg.types import UNLABELED, Evidence, Memory, Solution, refuse_strange_labels

HEAVIEST = 1e30
"""Largest weight of the prediction: its costs are in single precision."""

MEMORY_LIMIT = 8 << 30
"""Largest memory for solving one image, in bytes."""


@dataclass(frozen=True)
class AlphaExpansion:
    r"""Labelling of least Potts energy near the prediction, equation `labelling`.

    It agrees best with seeds, prediction and edges.

    .. math:: E(y) = \frac{\lambda}{n} \sum_i -\log q_i(y_i) + \frac{1}{\sqrt n} \sum_{ij} w_{ij} [y_i \ne y_j]

    over the n valid pixels, at the labels' resolution; coarse log-probabilities are upsampled as bilinear logits.
    With `cell_px` above 1 i runs over cells of so many pixels a side, and costs are means over their valid pixels.
    Seeds keep their class and invalid pixels are cut out. Only the ratio of the two terms matters, so the second
    has weight 1. Published weights of the prediction are per pixel against unit Potts weights: .002 to .004 there is
    that times the root of n here, .9 to 1.7 for an image of VOC.

    Labels are expanded in ascending order of their class, again and again, until none helps. The start is the better of
    `start.labels` and of what message passing finds. Two labels are solved exactly. More than 65,536 pixels or cells
    are begun with labels of cells of two by two, in steps proportional to the pixels; where that does not suffice, the
    certificate's `settled` is 0 and the answer is not exact. More than 262,144 are solved in windows, by all cores:
    `settled` is 0, and the bound says how far from the best the answer may be. Each image is solved on its own, several
    at once in threads.

    `certificate`: `bound`, a lower bound of the energy of any labelling; `settled`, 1 where no expansion of any single
    class lowers the energy; `moves`, the number of expansions that were tried, and `first_energy`, the energy of the
    start. `memory.labels` is the answer, `UNLABELED` on invalid pixels.

    Marin and Boykov 2021, section 3.2 and equation (18); Boykov, Veksler and Zabih 2001; Komodakis, Tziritas and
    Paragios 2008.

    Raises:
        RecipeInvalid: a weight is negative or NaN; sweeps, or pixels per cell, are not whole numbers from 1.
    """

    potts: GridPotts = GridPotts()
    """The cost of boundaries between classes, and which pixels are neighbours."""
    prediction_weight: float = 1.0
    """Weight (lambda) of the unary term, the mean negative log-probability, in units of the Potts energy per nat, from
    0 to 1e30; 0 gives fixed proposals."""
    max_sweeps: int = 10
    """Largest number of expansions of each class, 1 or more."""
    only_classes_present: bool = True
    """Only classes with a seed or a `PRESENT` tag may appear; if there is none, those not tagged `ABSENT`."""
    cell_px: int = 1
    """Side of the square cells that have one label each, in whole pixels, 1 or more. With cells of a quarter
    of the network's stride targets are about as good and are found two to five times faster; a network that follows
    them may be a little worse (docs/performance.md). For large images."""

    def __post_init__(self):
        whole = all(isinstance(number, int) and number >= 1 for number in (self.max_sweeps, self.cell_px))
        if not 0 <= self.prediction_weight <= HEAVIEST or not whole:
            raise RecipeInvalid(
                f"AlphaExpansion with prediction_weight={self.prediction_weight}, max_sweeps={self.max_sweeps} and "
                f"cell_px={self.cell_px}",
                expected=f"a weight from 0 to {HEAVIEST:g}; sweeps, and pixels per cell, in whole numbers from 1",
            )

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The cut of each image.

        Energies and bounds are float64 sums of float32 costs, accurate to about 1e-7 of these.

        Raises:
            EvidenceInvalid: log-probabilities are NaN or infinite, seeds are of no class, or an image is too large for
                memory; the images are named.
        """
        compile_kernels()
        count, classes = evidence.log_probs.shape[:2]
        require_finite(evidence)
        weak = evidence.weak
        refuse_strange_labels(torch.where(weak.valid, weak.seeds, UNLABELED), classes)
        refuse_strange_start(start, weak.valid, classes)
        with ThreadPoolExecutor(min(count, os.cpu_count() or 1)) as threads:
            cuts = list(threads.map(lambda i: self._cut(evidence, start, i), range(count)))
        labels = torch.from_numpy(np.stack([labels for labels, *_ in cuts])).to(evidence.log_probs.device)
        target = one_hot(labels, classes, weak.valid, evidence.log_probs.dtype)
        column = lambda value: torch.tensor(  # noqa: E731
            [value(cut, root) for _, cut, _, root in cuts], dtype=torch.float64, device=labels.device
        )
        energy = column(lambda cut, root: cut.energies[-1] / root)
        return Solution(
            target=target,
            weight=weak.valid.to(target.dtype),
            energy=energy.to(target.dtype),
            status=tuple(status_sentence(cut, allowed) for _, cut, allowed, _ in cuts),
            certificate={
                "energy": energy,
                "bound": column(lambda cut, root: cut.bound / root),
                "settled": column(lambda cut, root: float(cut.converged)),
                "moves": column(lambda cut, root: len(cut.energies) - 1),
                "first_energy": column(lambda cut, root: cut.energies[0] / root),
            },
            memory=Memory(labels=labels),
        )

    def _cut(self, evidence: Evidence, start: Memory, i: int) -> tuple[Int[np.ndarray, "H W"], Cut, int, float]:
        """One image's labels, cut, class count and root of n."""
        weak = evidence.weak
        valid = weak.valid[i].cpu()
        seeds = torch.where(valid, weak.seeds[i].cpu(), UNLABELED)
        allowed = allowed_classes(seeds, weak.tags[i], self.only_classes_present).nonzero().flatten()
        size = (valid.shape[0], valid.shape[1])
        grid = grid_of(size, self.cell_px)
        unaries = 4 * size[0] * size[1] * (len(allowed) + 2 * len(evidence.log_probs[i]))
        require_memory(name_of(evidence, i), grid, len(allowed), len(self.potts.steps), unaries)
        begin = torch.full_like(seeds, UNLABELED) if start.labels is None else start.labels[i].cpu()
        pixels = Pixels(evidence.image[i].cpu().float(), valid, seeds, begin)
        problem, root = cut_problem(self.potts, self.prediction_weight, allowed, evidence.log_probs[i], pixels, grid)
        cut = solved(problem, self.max_sweeps)
        labels = torch.from_numpy(in_pixels(allowed.numpy()[cut.labels], size))
        # A cell has one label, and its seeds may have several classes: each marked pixel keeps its own.
        labels = torch.where(seeds == UNLABELED, labels, seeds).where(valid, UNLABELED)
        return labels.numpy(), cut, len(allowed), root


@cache
def compile_kernels() -> None:
    """Compile the graph cut, or load it from disk.

    A message on stderr says so if it compiles.
    """
    with report_compiling("the graph cut"):
        size, none = (2, 3), np.full((2, 3), UNLABELED, np.int32)
        ramp = np.arange(54, dtype=np.float32).reshape(9, *size) % 5
        edges = np.zeros((len(GridPotts().steps), *size), np.float32)
        edges[0, :, :2] = 0.5
        # One number a message, one vector, several.
        for labels in (2, 3, 9):
            minimise(ramp[:labels], edges, np.ones(size, bool), none, none, 1)
        costs, cells = Costs(ramp[:3], edges, np.ones(size, bool), none), np.zeros((1, 2, len(edges), 3), np.float16)
        solve_in_windows(costs, np.zeros(size, np.int32), cells, None, 1, lambda pixels: None)


def refuse_strange_start(start: Memory, valid: Bool[Tensor, "B H W"], classes: int) -> None:
    """Refuse start labels of another size or unknown class."""
    if start.labels is None:
        return
    if start.labels.shape != valid.shape:
        found = f"The labels to start from have shape {tuple(start.labels.shape)}."
        raise EvidenceInvalid(found, expected=f"{tuple(valid.shape)}, the shape of the images")
    refuse_strange_labels(start.labels, classes, "labels to start from")


def one_hot(
    labels: Int[Tensor, "B H W"], classes: int, valid: Bool[Tensor, "B H W"], dtype: torch.dtype
) -> Float[Tensor, "B C H W"]:
    """Labels as a target, uniform on invalid pixels."""
    of_class = labels[:, None] == torch.arange(classes, device=labels.device)[:, None, None]
    return of_class.to(dtype).masked_fill_(~valid[:, None], 1 / classes)


def status_sentence(cut: Cut, classes: int) -> str:
    """Sentence on how the cut ended."""
    if classes == 1:
        return "Optimal: only one class is allowed."
    gap = (cut.energies[-1] - cut.bound) / max(abs(cut.energies[-1]), 1e-30)
    if cut.windows:
        below = f"the lower bound is {100 * gap:.2g} % below its energy"
        return f"Approximate: solved in {cut.windows} windows, and another labelling may be better; {below}."
    if not cut.converged:
        return f"Not converged after {len(cut.energies) - 1} expansions: another might lower the energy."
    if classes == 2:
        return "Optimal: a graph cut is exact for two classes."
    return f"Converged: no expansion of one class lowers the energy; the lower bound is {100 * gap:.2g} % below it."


def name_of(evidence: Evidence, i: int) -> str:
    """Name of an image in messages."""
    return f"Image '{evidence.keys[i]}'" if evidence.keys else f"Image {i} of the batch (counted from 0)"


def require_memory(
    name: str, grid: tuple[int, int], classes: int, steps: int = 4, more: int = 0, solver: str = "AlphaExpansion"
) -> None:
    """Refuse an image whose cut would exceed `MEMORY_LIMIT`.

    `more` bytes are needed beside the cut.
    """
    needed = memory_needed(grid, classes, steps) + more
    if needed > MEMORY_LIMIT:
        raise EvidenceInvalid(
            f"{name} has {grid[0]} x {grid[1]} pixels or cells and {classes} classes; its graph cut would need "
            f"{needed / 2**30:.1f} GiB.",
            expected=f"at most {MEMORY_LIMIT / 2**30:.0f} GiB",
            fix=f"Solve it smaller, in larger cells ({solver}.cell_px), or in tiles.",
        )
