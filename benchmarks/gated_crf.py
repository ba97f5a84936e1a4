"""Memory and time of the gated CRF beside the usual form, which writes every pixel's window out with `unfold`."""

import time
from collections.abc import Callable, Iterator
from math import exp

import torch
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from weakseg import Batch, Evidence
from weakseg.energies import GatedCRF, LocalKernel
from weakseg.types import UNLABELED

CLASSES, SIDE, RADIUS, POSITION, COLOR = 21, 129, 5, 6.0, 0.1


def measure() -> Iterator[tuple[str, float, str]]:
    """Forward and backward of one image, on one thread."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    image = (
        torch.rand((1, 3, SIDE // 3, SIDE // 3), generator=generator).repeat_interleave(3, 2).repeat_interleave(3, 3)
    )
    batch = Batch.of(image, CLASSES, seeds=torch.full((1, SIDE, SIDE), UNLABELED))
    logits = torch.randn((1, CLASSES, SIDE, SIDE), generator=generator)
    energy = GatedCRF(LocalKernel(RADIUS / SIDE, POSITION / SIDE, COLOR))

    def ours() -> torch.Tensor:
        leaf = logits.clone().requires_grad_()
        energy(leaf.softmax(1), Evidence(image, logits, batch.weak)).sum().backward()
        return leaf.grad

    def theirs() -> torch.Tensor:
        leaf = logits.clone().requires_grad_()
        (unfolded(leaf.softmax(1), image) / window_sum()).backward()
        return leaf.grad

    torch.testing.assert_close(ours(), theirs(), rtol=1e-3, atol=1e-9)
    shape = f"radius {RADIUS}, {CLASSES} classes, {SIDE} x {SIDE}"
    mine, peer = peak_bytes(ours), peak_bytes(theirs)
    yield "crf.gated_memory_ratio", peer / mine, f"times, unfold form over ours, {shape}"
    yield "crf.gated_bytes_per_probability", mine / logits.nbytes, "peak, in copies of the probabilities"
    yield "crf.gated_speedup", seconds(theirs) / seconds(ours), f"times, unfold form over ours, {shape}"


def unfolded(probs: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """The sum of Obukhov et al. 2019 over all pairs of a window, per pixel, with every window in memory."""
    height, width = probs.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    features = torch.cat([image / COLOR, torch.stack([rows, columns])[None] / POSITION], 1)
    alike = (-0.5 * (windows(features) - features[:, :, None]).square().sum(1)).exp()
    alike = alike * windows(torch.ones_like(image[:, :1]))[:, 0]
    alike[:, alike.shape[1] // 2] = 0
    agreeing = (alike[:, None] * windows(probs)).sum(2)
    return (alike.sum() - (agreeing * probs).sum()) / (height * width)


def windows(values: torch.Tensor) -> torch.Tensor:
    """(1, channels, pixels of the window, H, W)."""
    across = 2 * RADIUS + 1
    return F.unfold(values, across, padding=RADIUS).view(1, -1, across * across, *values.shape[2:])


def window_sum() -> float:
    """What `LocalKernel` divides by."""
    around = range(-RADIUS, RADIUS + 1)
    return sum(exp(-(i * i + j * j) / (2 * POSITION**2)) for i in around for j in around) - 1


def peak_bytes(work: Callable[[], object]) -> int:
    """The most that was allocated at once on top of what was there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def seconds(work: Callable[[], object]) -> float:
    """The best processor time of three, which other programs on the machine do not lengthen."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)
