"""Joint problem over labellings: a graph cut under linear rows.

It comes with a lower bound.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from weakseg.appearance.scribble_densities import Appearance
from weakseg.constraints.linear_rows import All, Constraint, LinearRows, deletion, is_constraint, rows_of
from weakseg.cuts.alpha_expansion import compile_kernels, name_of, one_hot, refuse_strange_start, require_memory
from weakseg.cuts.cut_problem import SURPRISE, Pixels, cut_problem, in_pixels
from weakseg.energies.grid_potts import GridPotts
from weakseg.errors import RecipeInvalid
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import allowed_classes, known_cells
from weakseg.grids.working_grid import grid_of
from weakseg.joint.row_cut import Effort, RowCut
from weakseg.projection.dual_projection import DualProjection
from weakseg.types import UNLABELED, Batch, Evidence, Memory, Solution, WeakLabels, refuse_strange_labels

HEAVIEST = 1e6
"""Largest weight, as for `JointProjection`."""


@dataclass(frozen=True)
class JointCut:
    r"""Labelling of least joint energy, equation `joint-cut`.

    It agrees best with seeds, prediction, appearance, edges and constraints together.

    .. math:: \min_{y, \xi \ge 0} \sum_i v_i [ -\lambda \log q_i(y_i) + \alpha\, c_i(y_i) ]
              + \gamma \sqrt n \sum_{ij} w_{ij} [y_i \ne y_j] + \beta^\top \xi \quad s.t. \quad A y \ge b - \xi

    `JointProjection` at temperature 0 and with one class a cell. Without rows and with an edge weight of 1 it is
    `AlphaExpansion`. Seeds and absent classes are hard; a cell with seeds has the class that most of them have, and
    each labelled pixel keeps its own. n counts the valid cells of the whole image.

    Multipliers of the rows tilt the costs, and the cut is solved again and again at better multipliers; then local
    search changes few cells and whole regions. No labelling that obeys the hard rows is below the bound of any
    multipliers, equation `joint-cut-bound`. Each image is solved on its own, several at once in threads.

    `certificate`, in nats per valid pixel: `energy`, which includes the price of violated rows; `bound`; `gap`, the
    first less the second; `violation` of hard rows (fraction of the valid pixels); `slack`, the cost of violated rows;
    `contradiction`, above 0 where no segmentation satisfies the hard rows (as of `DualProjection`), which then have a
    price; `cuts`. Where a hard row is violated although it is not proven infeasible, the energy is of a labelling
    outside the feasible set, and may lie below the bound. `memory` holds labels, and multipliers in nats.

    Raises:
        RecipeInvalid: a weight is negative or NaN, there is no constraint, or cuts, sweeps or pixels are not whole
            numbers from 1.

    Lim, Jung and Kohli 2010; Marin and Boykov 2021, equation (16); Pathak et al. 2015, equation (6).
    """

    constraint: Constraint = All(())
    """Linear constraints; none by default."""
    potts: GridPotts = GridPotts()
    """The cost of boundaries between classes, and which cells are neighbours."""
    edge_weight: float = 0.2
    """gamma: weight of the Potts energy relative to the mean nats per pixel."""
    prediction_weight: float = 1.0
    """lambda: weight of the prediction; 0 gives fixed proposals."""
    appearance: Appearance | None = None
    """The costs of colours and places, or `None`."""
    appearance_weight: float = 1.0
    """alpha: weight of the appearance relative to the prediction."""
    only_classes_present: bool = True
    """Only classes with a seed or a `PRESENT` tag may appear; if there is none, those not tagged `ABSENT`."""
    cell_px: int = 1
    """Side of the square cells that have one label each, in whole pixels, 1 or more, as of `AlphaExpansion`."""
    tolerance: float = 1e-4
    """Gap in nats per valid pixel at which an image has converged."""
    max_cuts: int = 12
    """Largest number of cuts per image; twice as many where hard constraints are infeasible."""
    max_sweeps: int = 10
    """Largest number of expansions of each class within a cut, 1 or more."""

    def __post_init__(self):
        if not is_constraint(self.constraint):
            found = f"JointCut(constraint={self.constraint!r:.200})"
            raise RecipeInvalid(found, expected="a constraint, or All((one, other))")
        weights = ("edge_weight", "prediction_weight", "appearance_weight", "tolerance")
        wrong = [name for name in weights if not 0 <= getattr(self, name) <= HEAVIEST]
        whole = lambda number: isinstance(number, int) and number >= 1  # noqa: E731
        wrong += [name for name in ("cell_px", "max_cuts", "max_sweeps") if not whole(getattr(self, name))]
        if wrong:
            given = ", ".join(f"{name}={getattr(self, name)}" for name in wrong)
            expected = f"weights and a tolerance from 0 to {HEAVIEST:g}, whole numbers from 1"
            raise RecipeInvalid(f"JointCut({given})", expected=expected)

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The labelling of each image.

        Energies are float64 sums of float32 costs, accurate to about 1e-7 of these.

        Raises:
            EvidenceInvalid: log-probabilities are NaN or infinite, seeds are of no class, or an image is too large for
                memory (the images are named); rows are for other classes.
        """
        compile_kernels()
        require_finite(evidence)
        classes, device = evidence.log_probs.shape[1], evidence.log_probs.device
        weak = Batch(evidence.image, evidence.weak, evidence.keys).to("cpu").weak
        refuse_strange_labels(torch.where(weak.valid, weak.seeds, UNLABELED), classes)
        refuse_strange_start(start, weak.valid, classes)
        effort = Effort(self.tolerance, self.max_cuts, self.max_sweeps)
        images = list(self._images(evidence, weak, start))
        with ThreadPoolExecutor(min(len(images), os.cpu_count() or 1)) as threads:
            answers = list(threads.map(lambda image: image.answered(effort), images))
        found = [image.image.active.numpy()[answer.labels] for image, answer in zip(images, answers, strict=True)]
        size = (weak.valid.shape[1], weak.valid.shape[2])
        cut = torch.from_numpy(np.stack([in_pixels(labels, size) for labels in found]))
        labels = torch.where(weak.seeds == UNLABELED, cut, weak.seeds).where(weak.valid, UNLABELED).to(device)
        target = one_hot(labels, classes, evidence.weak.valid, evidence.log_probs.dtype)
        column = lambda name: torch.tensor(  # noqa: E731
            [answer.numbers[name] for answer in answers], dtype=torch.float64, device=device
        )
        return Solution(
            target=target,
            weight=evidence.weak.valid.to(target.dtype),
            energy=column("energy").to(target.dtype),
            status=tuple(answer.status for answer in answers),
            certificate={name: column(name) for name in answers[0].numbers},
            memory=Memory(
                labels=labels, multipliers=tuple(torch.from_numpy(each.multipliers).to(device) for each in answers)
            ),
        )

    def _images(self, evidence: Evidence, weak: WeakLabels, start: Memory) -> Iterator[RowCut]:
        classes = evidence.log_probs.shape[1]
        size = (weak.valid.shape[1], weak.valid.shape[2])
        grid = grid_of(size, self.cell_px)
        # Rows are made for the cut's own grid, so that they count its cells.
        rows, known = rows_of(self.constraint, weak, grid, classes), known_cells(weak, classes, grid)
        weighed = self.appearance is not None and self.appearance_weight
        looks = self.appearance(evidence, grid).cpu() if self.appearance is not None and weighed else None
        projection, nothing = DualProjection(self.constraint), torch.zeros(classes, *grid, dtype=torch.float64)
        for i, own_rows in enumerate(rows):
            seeds = torch.where(weak.valid[i], weak.seeds[i], UNLABELED)
            # Classes that may not appear are deleted by the same means as absent ones, so that only one mechanism has
            # to be right.
            own_rows += deletion(~allowed_classes(seeds, weak.tags[i], self.only_classes_present), None, grid)
            own_rows = _except_seeds(own_rows, seeds)
            image = projection.image(nothing, own_rows, known, i)
            unaries = 8 * size[0] * size[1] * (2 * len(image.active) + classes)
            require_memory(name_of(evidence, i), grid, len(image.active), len(self.potts.steps), unaries, "JointCut")
            begin = torch.full_like(seeds, UNLABELED) if start.labels is None else start.labels[i].cpu()
            pixels = Pixels(evidence.image[i].cpu().float(), weak.valid[i], seeds, begin)
            cut, root = cut_problem(
                self.potts, self.prediction_weight, image.active, evidence.log_probs[i], pixels, grid
            )
            if looks is not None:
                # The same cap as for the prediction: no single term may outweigh a seed.
                costs = looks[i][image.active].clamp(0, SURPRISE) * known.valid[i] * (self.appearance_weight / root)
                cut = cut._replace(unary=cut.unary + costs.float().numpy())
            # n counts the cells of the whole image, so that crops have the boundaries that their image has.
            side = max(float(weak.visible_share[i]), 1e-6) ** -0.5 if cut.valid.any() else 1.0
            cut = cut._replace(weight=cut.weight * np.float32(self.edge_weight * side))
            before = None if start.multipliers is None else start.multipliers[i].double().cpu().numpy()
            yield RowCut(own_rows, image, cut, root, before)


def _except_seeds(rows: LinearRows, seeds: Int[Tensor, "H W"]) -> LinearRows:
    """Rows that do not delete classes with seeds.

    Such classes are forbidden elsewhere instead, so that the seeds remain possible.
    """
    seeded = torch.zeros_like(rows.absent)
    seeded[seeds[seeds != UNLABELED]] = True
    both = rows.absent & seeded
    if not both.any() or rows.absent.all():
        return rows
    # Tags contradict the drawing here. The drawing is what a person saw, and is kept; the class spreads no further.
    elsewhere = both[:, None, None].expand(-1, *rows.grid)
    forbidden = elsewhere if rows.forbidden is None else rows.forbidden | elsewhere
    return replace(rows, absent=rows.absent & ~seeded, forbidden=forbidden)
