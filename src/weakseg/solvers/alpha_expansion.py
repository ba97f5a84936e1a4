"""Alpha-expansion: the robust trust region's stage A, by graph cuts and with a lower bound."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from threading import Timer

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor
from torch.nn import functional as F

from weakseg.energies.grid_potts import GridPotts
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.kernels.potts_cut import memory_needed, minimise
from weakseg.kernels.potts_run import Cut
from weakseg.solvers.finite_logits import require_finite
from weakseg.types import ABSENT, PRESENT, UNLABELED, Evidence, Memory, Solution, refuse_strange_seeds

SURPRISE = 100.0
"""Largest -log q that counts, in nats; beyond, float32 has no probabilities either."""

MEMORY_LIMIT = 8 << 30
"""Bytes that one picture may take while it is solved."""


@dataclass(frozen=True)
class AlphaExpansion:
    r"""The labelling that agrees with seeds, prediction and edges best, equation 40.

    .. math:: E(y) = \frac{\lambda}{n} \sum_i -\log q_i(y_i) + \frac{1}{\sqrt n} \sum_{ij} w_{ij} [y_i \ne y_j]

    over the n valid pixels, at the labels' resolution; coarse log-probabilities are upsampled as bilinear logits.
    Seeds keep their class and invalid pixels are cut out. Only the ratio of the two terms matters, so the second
    has weight 1. Published weights of the prediction are per pixel against unit Potts weights: .002 to .004 there is
    that times the root of n here, .9 to 1.7 for a picture of VOC.

    Labels are expanded in ascending order of their class, again and again, until none helps. The start is the better
    of `start.labels` and of what message passing finds. Two labels are solved exactly. Each picture is solved on its
    own, several at once in threads.

    `certificate`: `bound`, below which no labelling's energy lies; `settled`, 1 where no expansion of any single class
    lowers the energy; `moves`, how many were tried, and `first_energy`, that of the start. `memory.labels` is the
    answer, `UNLABELED` on invalid pixels.

    Marin and Boykov 2021, section 3.2 and equation (18); Boykov, Veksler and Zabih 2001; Komodakis, Tziritas and
    Paragios 2008.

    Raises:
        RecipeInvalid: a negative weight, or no sweep.
    """

    potts: GridPotts = GridPotts()
    prediction_weight: float = 1.0
    """What the mean surprise of the prediction costs, in units of the Potts energy per nat; 0 gives fixed proposals."""
    max_sweeps: int = 10
    """How often each class may be expanded."""
    only_classes_present: bool = True
    """Whether only classes with a seed or a `PRESENT` tag may appear; without any, those not tagged `ABSENT`."""

    def __post_init__(self):
        if not self.prediction_weight >= 0 or self.max_sweeps < 1:
            raise RecipeInvalid(
                f"AlphaExpansion with prediction_weight={self.prediction_weight} and max_sweeps={self.max_sweeps}",
                expected="a weight of at least 0, and at least one sweep",
            )

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:  # noqa: B008 (Memory is immutable)
        """The cut of each image; energies and bounds are in float64.

        Raises:
            EvidenceInvalid: log-probabilities that are no numbers, seeds of no class, or a picture too large for
                memory, naming the images.
        """
        compile_kernels()
        count, classes = evidence.log_probs.shape[:2]
        require_finite(evidence)
        weak = evidence.weak
        refuse_strange_seeds(torch.where(weak.valid, weak.seeds, UNLABELED), classes)
        with ThreadPoolExecutor(min(count, os.cpu_count() or 1)) as threads:
            cuts = list(threads.map(lambda i: self._cut(evidence, start, i), range(count)))
        labels = torch.from_numpy(np.stack([labels for labels, _, _ in cuts])).to(evidence.log_probs.device)
        valid = weak.valid
        target = evidence.log_probs.new_zeros(count, classes, *labels.shape[1:])
        target.scatter_(1, labels.clamp(min=0)[:, None], 1).masked_fill_(~valid[:, None], 1 / classes)
        n = valid.flatten(1).sum(1).clamp(min=1).double().sqrt().tolist()
        column = lambda value: torch.tensor(  # noqa: E731
            [value(cut, root) for (_, cut, _), root in zip(cuts, n, strict=True)],
            dtype=torch.float64,
            device=labels.device,
        )
        energy = column(lambda cut, root: cut.energies[-1] / root)
        return Solution(
            target=target,
            weight=valid.to(target.dtype),
            energy=energy.to(target.dtype),
            status=tuple(_status(cut, allowed) for _, cut, allowed in cuts),
            certificate={
                "energy": energy,
                "bound": column(lambda cut, root: cut.bound / root),
                "settled": column(lambda cut, root: float(cut.settled)),
                "moves": column(lambda cut, root: len(cut.energies) - 1),
                "first_energy": column(lambda cut, root: cut.energies[0] / root),
            },
            memory=Memory(labels=labels),
        )

    def _cut(self, evidence: Evidence, start: Memory, i: int) -> tuple[Int[np.ndarray, "H W"], Cut, int]:
        """One image's labels, as class indices, its cut, and how many classes were allowed."""
        weak = evidence.weak
        seeds, valid = weak.seeds[i].cpu(), weak.valid[i].cpu().numpy()
        seeds = torch.where(weak.valid[i].cpu(), seeds, UNLABELED)
        allowed = self._allowed(seeds, weak.tags[i].cpu())
        name = f"'{evidence.keys[i]}'" if evidence.keys else f"{i} of the batch (counted from 0)"
        require_memory(f"Image {name}", valid.shape, len(allowed), len(self.potts.steps))
        unary = surprise(evidence.log_probs[i], valid.shape, allowed).numpy()
        unary *= np.float32(self.prediction_weight / max(int(valid.sum()), 1) ** 0.5)
        # Index among the allowed classes, from that among all; the last entry is for UNLABELED.
        index = torch.full((evidence.log_probs.shape[1] + 1,), UNLABELED, dtype=torch.int32)
        index[allowed] = torch.arange(len(allowed), dtype=torch.int32)
        begin = torch.full_like(seeds, UNLABELED) if start.labels is None else start.labels[i].cpu()
        cut = minimise(
            unary,
            self.potts.edge_costs(evidence.image[i].cpu().numpy(), valid),
            valid,
            index[seeds].numpy(),
            index[begin].numpy(),
            self.max_sweeps,
        )
        return np.where(valid, allowed.numpy()[cut.labels], UNLABELED), cut, len(allowed)

    def _allowed(self, seeds: Int[Tensor, "H W"], tags: Int[Tensor, " C"]) -> Int[Tensor, " K"]:
        """The classes that may appear, ascending."""
        everything = torch.ones(len(tags), dtype=torch.bool)
        if not self.only_classes_present:
            return everything.nonzero().flatten()
        present = tags == PRESENT
        present[seeds[seeds != UNLABELED]] = True
        for choice in (present, tags != ABSENT, everything):
            if choice.any():
                return choice.nonzero().flatten()
        raise AssertionError("a network has at least one class")


def surprise(
    log_probs: Float[Tensor, "C h w"], size: tuple[int, int], allowed: Int[Tensor, " K"]
) -> Float32[Tensor, "K H W"]:
    """-log q of some classes at the labels' resolution, in [0, `SURPRISE`]."""
    scores = log_probs.detach()
    if scores.shape[1:] != size:
        # -inf times a weight of 0 would be NaN.
        scores = F.interpolate(scores.float().clamp(min=-1e4)[None], size, mode="bilinear", align_corners=False)[0]
        scores = scores.log_softmax(0)
    return scores[allowed.to(scores.device)].float().cpu().clamp_(-SURPRISE, 0).neg_()


@cache
def compile_kernels() -> None:
    """Compile, or load what was compiled before; says so on stderr where it takes long."""
    tell = Timer(2, lambda: print("compiling the graph cut, once (half a minute)", file=sys.stderr))
    tell.start()
    try:
        size, none = (2, 3), np.full((2, 3), UNLABELED, np.int32)
        ramp = np.arange(18, dtype=np.float32).reshape(3, *size) % 5
        edges = np.zeros((2, *size), np.float32)
        edges[0, :, :2] = 0.5
        minimise(ramp, edges, np.ones(size, bool), none, none, 1)
    finally:
        tell.cancel()


def _status(cut: Cut, classes: int) -> str:
    """How it ended, for people."""
    if not cut.settled:
        return f"Stopped after {len(cut.energies) - 1} expansions: another might lower the energy."
    gap = (cut.energies[-1] - cut.bound) / max(abs(cut.energies[-1]), 1e-30)
    if classes <= 2:
        return "Optimal: the cut is exact for two labels."
    return f"No expansion of a single class helps; at most {100 * gap:.2g} % above the optimum."


def require_memory(name: str, size: tuple[int, int], classes: int, steps: int = 4) -> None:
    """Raise `EvidenceInvalid` where cutting a picture would take more than `MEMORY_LIMIT`."""
    needed = memory_needed(size, classes, steps)
    if needed > MEMORY_LIMIT:
        raise EvidenceInvalid(
            f"{name} has {size[0]} x {size[1]} pixels and {classes} labels; its cut would take "
            f"{needed / 2**30:.1f} GiB.",
            expected=f"at most {MEMORY_LIMIT / 2**30:.0f} GiB",
            mend="Solve it smaller, or cut it into tiles.",
        )
