"""The joint problem over labellings: a graph cut under linear rows, with a lower bound."""

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
from weakseg.cuts.cut_problem import SURPRISE, cut_problem, in_pixels
from weakseg.energies.grid_potts import GridPotts
from weakseg.errors import RecipeInvalid
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import allowed_classes, known_cells
from weakseg.grids.working_grid import grid_of
from weakseg.joint.row_cut import Effort, RowCut
from weakseg.projection.dual_projection import DualProjection
from weakseg.types import UNLABELED, Batch, Evidence, Memory, Solution, WeakLabels, refuse_strange_labels

HEAVIEST = 1e6
"""Largest weight, as of `JointProjection`."""


@dataclass(frozen=True)
class JointCut:
    r"""The labelling that agrees best with all that is known of an image, equation 69.

    .. math:: \min_{y, \xi \ge 0} \sum_i v_i [ -\lambda \log q_i(y_i) + \alpha\, c_i(y_i) ]
              + \gamma \sqrt n \sum_{ij} w_{ij} [y_i \ne y_j] + \beta^\top \xi \quad s.t. \quad A y \ge b - \xi

    `JointProjection` at temperature 0 and with one class a cell. Without rows and with an edge weight of 1 it is
    `AlphaExpansion`. Seeds and absent classes are hard; a cell with seeds has the class that most of them have, and
    each marked pixel keeps its own. n counts the valid cells of the whole image.

    Multipliers pay for what rows miss, and the cut of the costs that they leave is solved again and again; then
    changes of few cells and of whole regions are tried. No labelling that obeys the hard rows is below the bound of
    any multipliers, equation 70. Each image is solved on its own, several at once in threads.

    `certificate`, in nats per valid pixel: `energy`, missed rows at their price included; `bound`; `gap`, the first
    less the second; `violation` of hard rows (share of the valid pixels); `slack`, what missed rows were paid;
    `contradiction`, above 0 where no segmentation obeys the hard rows (as of `DualProjection`), which then have a
    price; `cuts`. Where a hard row is missed although none is known to contradict it, the energy is of no labelling
    that was asked for, and may lie below the bound. `memory` holds labels, and multipliers in nats.

    Raises:
        RecipeInvalid: a weight that is negative or no number, no constraint, cuts, sweeps or pixels that are no whole
            numbers from 1.

    Lim, Jung and Kohli 2010; Marin and Boykov 2021, equation (16); Pathak et al. 2015, equation (6).
    """

    constraint: Constraint = All(())
    """Linear rows; none by default."""
    potts: GridPotts = GridPotts()
    """What boundaries between classes cost, and which cells are neighbours."""
    edge_weight: float = 0.2
    """gamma: what the Potts energy of the image counts against its mean nats per pixel."""
    prediction_weight: float = 1.0
    """lambda: how near the labelling stays to the prediction; 0 gives fixed proposals."""
    appearance: Appearance | None = None
    """What colours and places say, or `None`."""
    appearance_weight: float = 1.0
    """alpha: nats of appearance against nats of the prediction."""
    only_classes_present: bool = True
    """Whether only classes with a seed or a `PRESENT` tag may appear; without any, those not tagged `ABSENT`."""
    cell_px: int = 1
    """Side of the square cells that have one label each, in whole pixels, 1 or more, as of `AlphaExpansion`."""
    tolerance: float = 1e-4
    """Gap in nats per valid pixel at which an image is done."""
    max_cuts: int = 12
    """How often an image is cut, at most; twice as often where hard rows contradict each other."""
    max_sweeps: int = 10
    """How often each class may be expanded in a cut, 1 or more."""

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

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:  # noqa: B008 (Memory is immutable)
        """The labelling of each image; energies are float64 sums of float32 costs, right to about 1e-7 of these.

        Raises:
            EvidenceInvalid: log-probabilities that are no numbers, seeds of no class, or an image too large for
                memory, naming the images; rows for other classes.
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
        found = [image.image.kept.numpy()[answer.labels] for image, answer in zip(images, answers, strict=True)]
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
        rows, known = rows_of(self.constraint, weak, grid, classes), known_cells(weak, classes, grid)
        weighed = self.appearance is not None and self.appearance_weight
        looks = self.appearance(evidence, grid).cpu() if self.appearance is not None and weighed else None
        projection, nothing = DualProjection(self.constraint), torch.zeros(classes, *grid, dtype=torch.float64)
        for i, said in enumerate(rows):
            seeds = torch.where(weak.valid[i], weak.seeds[i], UNLABELED)
            said += deletion(~allowed_classes(seeds, weak.tags[i], self.only_classes_present), None, grid)
            said = _but_for_what_is_drawn(said, seeds)
            image = projection.image(nothing, said, known, i)
            unaries = 8 * size[0] * size[1] * (2 * len(image.kept) + classes)
            require_memory(name_of(evidence, i), grid, len(image.kept), len(self.potts.steps), unaries, "JointCut")
            begin = torch.full_like(seeds, UNLABELED) if start.labels is None else start.labels[i].cpu()
            picture, log_probs = evidence.image[i].cpu().float(), evidence.log_probs[i]
            cut, root = cut_problem(
                self.potts, self.prediction_weight, image.kept, log_probs, picture, weak.valid[i], seeds, begin, grid
            )
            if looks is not None:
                costs = looks[i][image.kept].clamp(0, SURPRISE) * known.valid[i] * (self.appearance_weight / root)
                cut = cut._replace(unary=cut.unary + costs.float().numpy())
            # n is of the whole image.
            side = max(float(weak.visible_share[i]), 1e-6) ** -0.5 if cut.valid.any() else 1.0
            cut = cut._replace(weight=cut.weight * np.float32(self.edge_weight * side))
            before = None if start.multipliers is None else start.multipliers[i].double().cpu().numpy()
            yield RowCut(said, image, cut, root, before)


def _but_for_what_is_drawn(rows: LinearRows, seeds: Int[Tensor, "H W"]) -> LinearRows:
    """Classes that are deleted and drawn all the same are deleted from all cells but those of the marks."""
    drawn = torch.zeros_like(rows.absent)
    drawn[seeds[seeds != UNLABELED]] = True
    both = rows.absent & drawn
    if not both.any() or rows.absent.all():
        return rows
    elsewhere = both[:, None, None].expand(-1, *rows.grid)
    forbidden = elsewhere if rows.forbidden is None else rows.forbidden | elsewhere
    return replace(rows, absent=rows.absent & ~drawn, forbidden=forbidden)
