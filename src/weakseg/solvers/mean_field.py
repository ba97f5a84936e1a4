"""Mean field: a soft segmentation that stays near the prediction and costs little energy."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.kernels.mean_field import messages, parallel_steps
from weakseg.kernels.permutohedral import Lattice
from weakseg.solvers.parallel_crf_of_tensors import steps_of_tensors
from weakseg.types import UNLABELED, Energy, Evidence, Memory, Solution

_SURE = 1e4
"""Scores of a seed's other classes are this far below; the exponential of minus this is 0."""


@dataclass(frozen=True)
class MeanField:
    r"""The factorised distribution of least free energy, in nats per valid pixel, equation 55.

    .. math:: F(p) = w E(p) + \frac1n \sum_i KL(p_i \| q_i)

    for any differentiable energy, at the labels' resolution; coarse log-probabilities are upsampled. Seeds keep their
    class, invalid pixels do not take part. Each step goes from p towards softmax(log q - w n dE/dp).

    `damped` steps are as long as a line search allows, so that F never rises. Without, all pixels step the whole way at
    once, which is what CRF implementations do: for `DenseCRF` lattices are built once and blurs have a single order, as
    theirs, so the answer is theirs (the energy's gradient has the mean of two orders). Linear rows are not held; they
    go into the log-probabilities (`DualProjection`) beforehand.

    `certificate`: `first_energy`, F at the start, and `residual`, the most that any probability would still move.

    Krähenbühl and Koltun 2011, algorithm 1; Baqué et al. 2016, on damping.

    Raises:
        RecipeInvalid: no step, or a negative weight.
    """

    energy: Energy = DenseCRF()
    weight: float = 1.0
    """Of the energy's mean over pixels against nats per pixel."""
    steps: int = 10
    damped: bool = True
    """Whether each step is held back until the free energy falls."""

    def __post_init__(self):
        if self.steps < 1 or not self.weight >= 0:
            raise RecipeInvalid(f"{self}", expected="at least one step, and a weight of at least 0")

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:  # noqa: B008 (Memory is immutable)
        """The distribution found for each image, each on its own.

        Raises:
            EvidenceInvalid: log-probabilities that are nan.
        """
        found = [self._solve_one(_only(evidence, image)) for image in range(len(evidence.image))]
        probs, energies, first, residuals = (torch.cat(column) for column in zip(*found, strict=True))
        dtype = evidence.log_probs.dtype
        return Solution(
            target=probs.to(dtype),
            weight=evidence.weak.valid.to(dtype),
            energy=energies.to(dtype),
            status=tuple(
                f"{self.steps} steps at most; a probability would still move by {residual:.2g}."
                for residual in residuals.tolist()
            ),
            certificate={"first_energy": first, "residual": residuals},
        )

    def _solve_one(self, evidence: Evidence) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Probabilities, free energy, that at the start, and residual of a batch of one."""
        scores = _scores(evidence).double()
        first = scores.softmax(1)
        free_energy = lambda probs: self._free_energy(probs, scores, evidence)  # noqa: E731
        if not evidence.weak.valid.any():
            nothing = torch.zeros(1, device=scores.device, dtype=torch.float64)
            return first, nothing, nothing, nothing
        if not self.damped:
            probs = self._in_parallel(scores, evidence)
            return probs, free_energy(probs), free_energy(first), _most(self._aim(probs, scores, evidence) - probs)
        probs, value, residual = first, free_energy(first), torch.zeros(1)
        at_first = value
        for _ in range(self.steps):
            direction = self._aim(probs, scores, evidence) - probs
            residual, length = _most(direction), 1.0
            while (tried := free_energy(probs + length * direction)) > value and length > 1e-3:
                length /= 2
            if tried >= value:
                break
            probs, value = probs + length * direction, tried
        return probs, value, at_first, residual

    def _free_energy(self, probs, scores, evidence):
        apart = (torch.xlogy(probs, probs) - probs * scores).sum(1)
        valid = evidence.weak.valid
        return self.weight * self.energy(probs, evidence) + torch.where(valid, apart, 0).sum((1, 2)) / valid.sum()

    def _aim(self, probs, scores, evidence):
        """Where the linearised energy would take every pixel."""
        with torch.enable_grad():
            free = probs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.energy(free, evidence).sum(), free)
        return (scores - self.weight * evidence.weak.valid.sum() * slope).softmax(1)

    def _in_parallel(self, scores, evidence):
        if isinstance(self.energy, DenseCRF):
            closed_form = _by_passes if scores.device.type == "cpu" else steps_of_tensors
            return closed_form(scores, evidence, self.energy, self.weight, self.steps)
        probs = scores.softmax(1)
        for _ in range(self.steps):
            probs = self._aim(probs, scores, evidence)
        return probs


def refined(
    probs: Float[np.ndarray, "C H W"], image: Float[np.ndarray, "M H W"], crf: DenseCRF, steps: int = 10
) -> Float[np.ndarray, "C H W"]:
    """Probabilities after mean-field steps of a CRF, all pixels at once: what `weakseg predict --crf` writes.

    Raises:
        EvidenceInvalid: the probabilities or the picture have nan, or bandwidths are too small for it.
    """
    if not np.isfinite(probs).all():
        raise EvidenceInvalid("Probabilities that are nan or infinite.", mend="Look for what gave them.")
    scores = np.log(np.maximum(probs.reshape(len(probs), -1), 1e-8)).T
    found = _steps(scores, torch.from_numpy(image), torch.ones(image.shape[1:], dtype=torch.bool), crf, 1.0, steps)
    return found.T.reshape(probs.shape)


def _by_passes(scores, evidence, crf, weight, steps):
    """The parallel schedule in numba, on the valid pixels of a batch of one."""
    valid = evidence.weak.valid[0]
    here = scores[0, :, valid].float().T.numpy()
    probs = scores.softmax(1)
    found = torch.from_numpy(_steps(here, evidence.image[0], valid, crf, weight, steps))
    probs[0, :, valid] = found.T.to(probs)
    return probs


def _steps(scores, image, valid, crf, weight, steps):
    pairs = [
        (matrix.lattice, weight * strength)
        for matrix, strength in crf.kernels(image[None], valid.flatten().nonzero()[:, 0])
    ]
    lattices = [lattice for lattice, _ in pairs if isinstance(lattice, Lattice)]
    threads = torch.get_num_threads()
    matrix = messages(lattices, [strength for _, strength in pairs], threads)
    return parallel_steps(scores, matrix, steps, threads)


def _scores(evidence: Evidence) -> Float[Tensor, "1 C H W"]:
    """Log-probabilities at the labels' resolution, a seed's class certain."""
    scores, seeds = evidence.log_probs.detach(), evidence.weak.seeds
    if scores.isnan().any():
        raise EvidenceInvalid("Log-probabilities that are nan.", mend="Look for a learning rate that is too high.")
    scores = scores.clamp(-_SURE, _SURE)
    if scores.shape[2:] != seeds.shape[1:]:
        scores = F.interpolate(scores, seeds.shape[1:], mode="bilinear", align_corners=False)
    certain = F.one_hot(seeds.clamp(min=0), scores.shape[1]).movedim(-1, 1).to(scores) * _SURE - _SURE
    held = (seeds != UNLABELED) & evidence.weak.valid
    return torch.where(held[:, None], certain, scores.log_softmax(1))


def _only(evidence: Evidence, image: int) -> Evidence:
    """A batch of that image alone."""
    one = slice(image, image + 1)
    weak = replace(evidence.weak, **{f.name: getattr(evidence.weak, f.name)[one] for f in fields(evidence.weak)})
    return Evidence(evidence.image[one], evidence.log_probs[one], weak)


def _most(values: Float[Tensor, "1 C H W"]) -> Float[Tensor, " 1"]:
    return values.abs().amax().reshape(1)
