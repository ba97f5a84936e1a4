"""Mean field near the prediction."""

from dataclasses import dataclass, fields, replace
from functools import partial
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.constraints.linear_rows import Constraint, LinearRows, rows_of
from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import RecipeInvalid
from weakseg.grids.cell_colors import require_colors
from weakseg.grids.finite_logits import require_finite
from weakseg.lattice.crf_cells import CrfCells
from weakseg.mean_field.feasible_set import Unconstrained, linear_feasible
from weakseg.mean_field.free_energy import FreeEnergy
from weakseg.mean_field.parallel_crf import stepped, steps_of_tensors
from weakseg.types import UNLABELED, Energy, Evidence, Memory, Solution

_SURE = 1e4
"""Log-odds against a seed's other classes; the exponential of minus this is 0."""

_TOGETHER = 1 << 24
"""Number of probabilities in a batch that is stepped together; several arrays of eight bytes each are alive at once."""
_VOID = "No pixel is valid; nothing is refined."


@dataclass(frozen=True)
class MeanField:
    r"""Factorised distribution of least free energy, equation `free-energy`.

    Energies are in nats per valid pixel.

    .. math:: F(p) = w E(p) + \frac1n \sum_i KL(p_i \| q_i)

    for any differentiable energy, at the labels' resolution; coarse log-probabilities are upsampled. Seeds keep their
    class, invalid pixels do not take part. Each step goes from p towards softmax(log q - w n dE/dp).

    With a `constraint` it is the least among the distributions that satisfy the rows, and violations of priced rows
    cost extra: the start is the projection of q, and each step goes towards the projection of that softmax, equation
    `free-energy-rows`. Rows are about the labels' pixels.

    `damped` steps are as long as a line search allows, so that F never rises. Without damping, all pixels take full
    steps at once, as CRF implementations do: for `DenseCRF` without rows blurs have a single order, like theirs, so the
    answer is theirs (the energy's gradient has the mean of two orders).

    `certificate`: `first_energy`, F at the start, and `residual`, the largest change of a probability in the next step
    (when damped, in the last step, before it was taken or shortened); with rows `violation`, `slack` and
    `contradiction` as well, as of `DualProjection`. `memory.multipliers` are those of the last step.

    Krähenbühl and Koltun 2011, algorithm 1; Baqué et al. 2016, on damping.

    Raises:
        RecipeInvalid: there is no step, or the weight is negative or not finite.
    """

    energy: Energy = DenseCRF()
    """The energy to lower; any differentiable one."""
    weight: float = 1.0
    """Weight of the mean energy relative to the KL term in nats per pixel, finite and 0 or above."""
    steps: int = 10
    """Number of steps, 1 or more; damped ones end earlier where none lowers the free energy."""
    damped: bool = True
    """Whether each step is shortened until the free energy falls."""
    constraint: Constraint | None = None
    """Linear constraints that hold at every step."""

    def __post_init__(self):
        if self.steps < 1 or not 0 <= self.weight < inf:
            raise RecipeInvalid(f"{self}", expected="at least one step, and a finite weight of at least 0")

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The distribution found for each image.

        Raises:
            EvidenceInvalid: log-probabilities or pixels are NaN or infinite (the images are named), or rows are for
                other classes.
        """
        require_finite(evidence)
        require_colors(evidence.image.where(evidence.weak.valid[:, None], 0))
        dtype, device = evidence.log_probs.dtype, evidence.log_probs.device
        # Other energies are arbitrary torch functions, damping needs a line search for each image, and rows a
        # projection: only these steps can be taken for a whole batch at once.
        if isinstance(self.energy, DenseCRF) and not self.damped and self.constraint is None and device.type != "cpu":
            classes, pixels = evidence.log_probs.shape[1], evidence.weak.valid[0].numel()
            some = max(1, _TOGETHER // (classes * pixels))
            parts = [_only(evidence, first, first + some) for first in range(0, len(evidence.image), some)]
            found = [one for part in parts for one in self._in_tensors(part, self.energy)]
        else:
            # Rows of constraints are made on the labels' grid, at which this solver works.
            images, rows, columns = evidence.weak.valid.shape
            classes, grid, rule = evidence.log_probs.shape[1], (rows, columns), self.constraint
            each = [None] * images if rule is None else rows_of(rule, evidence.weak, grid, classes)
            found = [self._solve_one(_only(evidence, i, i + 1), _only_of(start, i), each[i]) for i in range(images)]
        column = lambda name: torch.tensor([f.numbers[name] for f in found], dtype=torch.float64, device=device)  # noqa: E731
        return Solution(
            target=torch.cat([f.probs for f in found]).to(dtype),
            weight=evidence.weak.valid.to(dtype),
            energy=column("energy").to(dtype),
            status=tuple(f.status for f in found),
            certificate={name: column(name) for name in found[0].numbers if name != "energy"},
            memory=Memory(multipliers=tuple(m for f in found for m in f.memory.multipliers or ()) or None),
        )

    def _solve_one(self, evidence: Evidence, start: Memory, rows: LinearRows | None) -> "_Found":
        """Solution for a batch of one."""
        # In single precision the free energy of a large image changes by less than its last digit near the end, and the
        # line search would take rounding for a rise.
        scores = _scores(evidence).double()
        allowed = Unconstrained() if rows is None else linear_feasible(rows, evidence, scores, start)
        grid = (scores.shape[2], scores.shape[3])
        crf = self.energy.built(evidence, grid) if isinstance(self.energy, DenseCRF) else None
        energy = crf or partial(self.energy, evidence=evidence)
        free_energy = FreeEnergy(energy, self.weight, scores, evidence.weak.valid, allowed)
        probs, memory = allowed.nearest(scores, allowed.start)
        # Nothing takes part: the free energy is 0 whatever the distribution, and steps would be about nothing.
        if not evidence.weak.valid.any():
            numbers = {"energy": 0.0, "first_energy": 0.0, "residual": 0.0} | allowed.certificate(probs)
            return _Found(probs, numbers, memory, _VOID)
        first = free_energy(probs).item()
        if self.damped:
            probs, memory, residual = self._damped(free_energy, probs, memory)
        # Full steps of the CRF have a compiled form, which is many times quicker than autograd. It blurs in one order,
        # as the published programs do; `residual` below has the mean of two orders.
        elif crf is not None and rows is None:
            probs = _by_passes(scores, crf, self.weight, self.steps)
            residual = _left(free_energy, probs, memory)
        else:
            for _ in range(self.steps):
                probs, memory = free_energy.aim(probs, memory)
            residual = _left(free_energy, probs, memory)
        numbers = {"energy": free_energy(probs).item(), "first_energy": first, "residual": residual}
        status = allowed.sentence(probs) + self._status(residual)
        return _Found(probs, numbers | allowed.certificate(probs), memory, status)

    def _in_tensors(self, evidence: Evidence, crf: DenseCRF) -> list["_Found"]:
        """Solutions for images whose pixels are stepped together."""
        scores, nothing = _scores(evidence).double(), Memory()
        built = crf.built(evidence, (scores.shape[2], scores.shape[3]))
        free_energy = FreeEnergy(built, self.weight, scores, evidence.weak.valid, Unconstrained())
        probs = steps_of_tensors(scores, built, self.weight, self.steps)
        residuals = (free_energy.aim(probs, nothing)[0] - probs).abs().amax((1, 2, 3))
        columns = {"energy": free_energy(probs), "first_energy": free_energy(scores.softmax(1)), "residual": residuals}
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        statuses = [
            self._status(residual) if valid else _VOID
            for residual, valid in zip(residuals.tolist(), evidence.weak.valid.flatten(1).any(1).tolist(), strict=True)
        ]
        return [
            _Found(one, dict(zip(columns, row, strict=True)), nothing, status)
            for one, row, status in zip(probs.split(1), rows, statuses, strict=True)
        ]

    def _status(self, residual: float) -> str:
        return f"At most {self.steps} steps; the next would change a probability by up to {residual:.2g}."

    def _damped(self, free_energy: FreeEnergy, probs: Tensor, memory: Memory) -> tuple[Tensor, Memory, float]:
        """Damped steps; the last direction gives the residual."""
        value, residual = free_energy(probs), 0.0
        for _ in range(self.steps):
            aim, memory = free_energy.aim(probs, memory)
            direction, length = aim - probs, 1.0
            residual = direction.abs().amax().item()
            while (tried := free_energy(probs + length * direction)) > value and length > 1e-3:
                length /= 2
            if tried >= value:
                break
            probs, value = probs + length * direction, tried
        return probs, memory, residual


@dataclass(frozen=True)
class _Found:
    """Solution for one image."""

    probs: Float[Tensor, "1 C H W"]
    numbers: dict[str, float]
    """The certificate and, as `energy`, the value of the objective."""
    memory: Memory
    status: str


def _left(free_energy: FreeEnergy, probs: Tensor, memory: Memory) -> float:
    """Largest change that one more full step would make."""
    return (free_energy.aim(probs, memory)[0] - probs).abs().amax().item()


def _by_passes(scores: Tensor, crf: CrfCells, weight: float, steps: int) -> Tensor:
    """Parallel steps compiled, on one image's valid pixels."""
    here = scores[0].flatten(1)[:, crf.cells].float().T.contiguous().numpy()
    found = torch.from_numpy(stepped(here, crf.kernels, weight, steps)).T
    probs = scores.softmax(1).flatten(2)
    return probs.index_copy(2, crf.cells, found[None].to(probs)).reshape(scores.shape)


def _scores(evidence: Evidence) -> Float[Tensor, "B C H W"]:
    """Log-probabilities at the labels' resolution, with certain seeds."""
    scores, seeds = evidence.log_probs.detach(), evidence.weak.seeds
    # -inf has no bilinear mean: one impossible cell would make its neighbours nan.
    scores = scores.clamp(-_SURE, _SURE)
    if scores.shape[2:] != seeds.shape[1:]:
        scores = F.interpolate(scores, seeds.shape[1:], mode="bilinear", align_corners=False)
    # Normalised already: one class at 0 and the others at -1e4 have a sum of exponentials of 1.
    certain = F.one_hot(seeds.clamp(min=0), scores.shape[1]).movedim(-1, 1).to(scores) * _SURE - _SURE
    # A label on a void pixel is no label.
    held = (seeds != UNLABELED) & evidence.weak.valid
    return torch.where(held[:, None], certain, scores.log_softmax(1))


def _only(evidence: Evidence, first: int, last: int) -> Evidence:
    """Part of a batch, from `first` to before `last`."""
    some = slice(first, last)
    weak = replace(evidence.weak, **{f.name: getattr(evidence.weak, f.name)[some] for f in fields(evidence.weak)})
    return Evidence(evidence.image[some], evidence.log_probs[some], weak, evidence.keys[some])


def _only_of(start: Memory, image: int) -> Memory:
    """The memory of one image."""
    return Memory(multipliers=None if start.multipliers is None else (start.multipliers[image],))
