"""The joint problem of a whole volume, all slices at once."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.appearance.across_slices import costs_across_slices
from weakseg.constraints.linear_rows import WHOLE, All, Constraint, LinearRows, deletion, is_constraint, join, rows_of
from weakseg.energies.grid_potts import GridPotts
from weakseg.energies.volume_potts import VolumePotts
from weakseg.errors import RecipeInvalid
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import allowed_classes
from weakseg.grids.working_grid import FINEST_PX, on_grid, working_grid
from weakseg.joint.joint_projection import JointProjection
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD, Evidence, Memory, Solution, WeakLabels


@dataclass(frozen=True)
class AcrossSlices:
    """Soft segmentation of a volume, equation `joint` in three dimensions.

    The images of a batch are the slices of one volume, in order. What is drawn on one slice tells of its neighbours:
    edges join slices too, equation `potts-volume`, and scribbles have places in the volume. There is one certificate,
    of the whole volume, which every slice carries. Tags, sizes and boxes are of their own slice.

    It finds targets for `Phase(update_targets_every=...)`, which hands it whole volumes; views in a training step are
    not slices of one volume.

    Raises:
        RecipeInvalid: slices are not apart, the solver has no edges, or `whole` is no constraint.
    """

    solver: JointProjection = JointProjection()
    """The joint problem: its weights, appearance, and the constraints that each slice obeys by itself."""
    slice_px: float = 1.0
    """Distance between slices, as a multiple of that between pixels; above 0. Slices of 10 mm with pixels of 1.5 mm are
    6.7 apart."""
    whole: Constraint = All(())
    """Constraints on the volume as a whole; none by default."""

    def __post_init__(self):
        if not (is_constraint(self.whole) and isinstance(self.solver.potts, GridPotts) and 0 < self.slice_px < 1e6):
            expected = "slices a distance above 0 apart, a solver with GridPotts edges, and a constraint"
            raise RecipeInvalid(f"{self!r:.300}", expected=expected)

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The segmentation of a volume, slice by slice.

        Raises:
            EvidenceInvalid: log-probabilities are NaN or infinite, or rows are for other classes.
        """
        require_finite(evidence)
        solver, slices, classes = self.solver, len(evidence.image), evidence.log_probs.shape[1]
        grid = working_grid(evidence, solver.cell_px, FINEST_PX)
        rows = self._rows(evidence.weak, grid, classes)
        tall = _tall(evidence, grid)
        costs, potts = None, solver.potts
        assert isinstance(potts, GridPotts)
        if solver.appearance is not None and solver.appearance_weight:
            costs = _Costs(_below(costs_across_slices(solver.appearance, evidence, grid, self.slice_px)))
        joined = replace(
            solver,
            constraint=All((_Given(rows), self.whole)),
            only_classes_present=False,
            potts=VolumePotts(slices, self.slice_px, 6 if potts.neighbours == 4 else 18, potts.contrast),
            appearance=costs,
        )
        # Multipliers of an earlier solve are of the volume, and every slice carries them.
        begin = Memory(multipliers=None if start.multipliers is None else start.multipliers[:1])
        return _apart(joined.solve_on(tall, (slices * grid[0], grid[1]), begin), slices)

    def _rows(self, weak: WeakLabels, grid: tuple[int, int], classes: int) -> LinearRows:
        """What each slice must obey, as rows of the tall image."""
        each = rows_of(self.solver.constraint, weak, grid, classes)
        tall = (len(each) * grid[0], grid[1])
        seeds = torch.where(weak.valid, weak.seeds, UNLABELED)
        # One map of deletions for all slices: one for each would take the square of their number.
        gone = torch.zeros((classes, *tall), dtype=torch.bool)
        for i, rows in enumerate(each):
            own = gone[:, i * grid[0] : (i + 1) * grid[0]]
            own |= (~allowed_classes(seeds[i], weak.tags[i], self.solver.only_classes_present))[:, None, None]
            own |= rows.absent[:, None, None]
            if rows.forbidden is not None:
                own |= rows.forbidden
        told = [_placed(rows, i, tall) for i, rows in enumerate(each) if len(rows)]
        deleted = deletion(torch.zeros(classes, dtype=torch.bool), gone if gone.any() else None, tall)
        return join([*told, deleted], classes, tall)


@dataclass(frozen=True)
class _Given:
    """A constraint whose rows are known."""

    known: LinearRows

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        return [self.known]


@dataclass(frozen=True)
class _Costs:
    """An appearance whose costs are known."""

    known: Float[Tensor, "1 C h w"]

    def __call__(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "1 C h w"]:
        return self.known


def _tall(evidence: Evidence, grid: tuple[int, int]) -> Evidence:
    """One image with the slices below each other."""
    weak = evidence.weak
    slices, height = len(evidence.image), evidence.image.shape[2]
    scores = on_grid(evidence.log_probs, weak.valid, grid)
    boxes = [box + torch.tensor([0, i * height, 0, i * height, 0]).to(box) for i, box in enumerate(weak.boxes)]
    return Evidence(
        image=_below(evidence.image),
        log_probs=_below(scores),
        weak=WeakLabels(
            seeds=weak.seeds.flatten(0, 1)[None],
            valid=weak.valid.flatten(0, 1)[None],
            tags=_tags(weak.tags)[None],
            areas=weak.areas.new_tensor([0.0, 1.0]).expand(1, weak.areas.shape[1], 2),
            boxes=(torch.cat(boxes),),
            window=torch.eye(2, 3).to(weak.window)[None],
            whole_valid=weak.valid.sum()[None],
        ),
        keys=tuple(f"{evidence.keys[0]} and the {slices - 1} slices after it" for _ in evidence.keys[:1]),
    )


def _below(values: Float[Tensor, "B C h w"]) -> Float[Tensor, "1 C H w"]:
    return values.transpose(0, 1).flatten(1, 2)[None]


def _tags(tags):
    """What is told of the volume: present in any slice, or absent from all."""
    present, absent = (tags == PRESENT).any(0), (tags == ABSENT).all(0)
    return torch.where(present, PRESENT, torch.where(absent, ABSENT, UNTOLD)).to(tags)


def _placed(rows: LinearRows, index: int, tall: tuple[int, int]) -> LinearRows:
    """The rows of one slice, without its deletions, as rows of the tall image."""
    height, first = rows.grid[0], index * rows.grid[0]
    whole = (rows.region == WHOLE).any()

    def below(maps: Tensor) -> Tensor:
        found = maps.new_zeros((*maps.shape[:-2], *tall))
        found[..., first : first + height, :] = maps
        return found

    maps = torch.cat([rows.regions, torch.ones((int(whole), *rows.grid), dtype=rows.regions.dtype)])
    return replace(
        rows,
        region=torch.where(rows.region == WHOLE, len(rows.regions), rows.region),
        regions=below(maps),
        dense=below(rows.dense),
        names=tuple(f"{name} on slice {index + 1}" for name in rows.names),
        absent=torch.zeros_like(rows.absent),
        forbidden=None,
    )


def _apart(solution: Solution, slices: int) -> Solution:
    """The solution of each slice; numbers are those of the volume."""
    apart = lambda values: values[0].unflatten(-2, (slices, -1)).movedim(-3, 0)  # noqa: E731
    known = solution.memory.multipliers
    return Solution(
        target=apart(solution.target),
        weight=apart(solution.weight),
        energy=solution.energy.expand(slices),
        status=solution.status * slices,
        certificate={name: values.expand(slices) for name, values in solution.certificate.items()},
        memory=Memory(multipliers=None if known is None else known * slices),
    )
