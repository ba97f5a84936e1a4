"""What solvers and losses cost on a GPU, beside the training step they are added to; no rows where there is none.

The problems are those of crf.py, projection.py and joint.py. Times are wall clock between two synchronisations,
medians of ten.
"""

import os
import time
from collections.abc import Callable, Iterator
from statistics import median

import torch
from crf import CELLS, CLASSES, IMAGES, PIXELS, scene
from joint import LABELS, heavy
from projection import Fixed, evidence_of, problem

from weakseg import Batch, DualProjection, Evidence, Fit, MeanField, Regularize, SeedsOnly
from weakseg.energies import DenseCRF, GatedCRF
from weakseg.lattice.gaussian_filter import GaussianFilter
from weakseg.networks import Pretrained, UNet


def measure() -> Iterator[tuple[str, float, str]]:
    """Forward and backward, in bfloat16 where a recipe would have it."""
    if not torch.cuda.is_available():
        return
    card = torch.cuda.get_device_name()
    batch, logits = scene()
    batch, logits = batch.to("cuda"), logits.detach().to("cuda").requires_grad_()
    step = seconds(training_step(batch))
    yield "cuda.step_ms", 1000 * step, f"ms, MobileNetV2, {IMAGES} x {PIXELS} x {PIXELS}, bfloat16, {card}"
    for name, energy in (("crf.loss", DenseCRF.rloss()), ("crf.gated", GatedCRF())):
        loss = Regularize(energy)
        spent = seconds(lambda loss=loss: loss(logits, batch).backward())
        yield f"{name}_ms_per_image_cuda", 1000 * spent / IMAGES, f"ms, {CELLS} x {CELLS} x {CLASSES}"
        yield f"{name}_share_cuda", spent / step, "of that training step"
    evidence = Evidence(batch.image, logits.detach().log_softmax(1), batch.weak)
    field = MeanField(DenseCRF.ccnn_tuned(), damped=False)
    yield "crf.mean_field_ms_per_image_cuda", 1000 * seconds(lambda: field.solve(evidence)) / IMAGES, "ms, ten steps"
    image = batch.image[0].flatten(1) / 0.1
    yield "crf.lattice_ms_cuda", 1000 * seconds(lambda: GaussianFilter.of(image)), f"ms, {PIXELS} x {PIXELS} points"
    for deleted, name in ((False, "rows"), (True, "deleted")):
        problems = [problem(65, seed, deleted) for seed in range(16)]
        shown = evidence_of(torch.stack([each for each, _ in problems]).float())
        there = Batch(shown.image, shown.weak, ()).to("cuda")
        shown = Evidence(there.image, shown.log_probs.cuda(), there.weak)
        solver = DualProjection(Fixed([rows for _, rows in problems]))
        spent = seconds(lambda solver=solver, shown=shown: solver.solve(shown))
        yield f"projection.batched_ms_per_image_{name}_cuda", 1000 * spent / 16, "ms, 16 images of 65 x 65"
    for images in (1, 16):
        solver, shown = heavy(images)
        there = Batch(shown.image, shown.weak, ()).to("cuda")
        shown = Evidence(there.image, shown.log_probs.cuda(), there.weak)
        numbers = solver.solve(shown).certificate
        spent = seconds(lambda solver=solver, shown=shown: solver.solve(shown))
        unit = f"ms, {images} images of 161 x 161 cells, {LABELS} classes, to {float(numbers['gap'].max()):.1e} nats"
        yield f"joint.ms_per_image_{images}_cuda", 1000 * spent / images, unit
        sweeps = float(numbers["sweeps"].max())
        yield f"joint.sweep_ms_{images}_cuda", 1000 * spent / sweeps, f"ms a sweep of all, of {sweeps:.0f}; rows, too"


def training_step(batch: Batch) -> Callable[[], object]:
    """Forward, backward and optimiser step."""
    spec = Pretrained("mobilenet_v2_imagenet", output_stride=16) if "WEAKSEG_WEIGHTS" in os.environ else UNet()
    network = spec.build(3, CLASSES).train().cuda().to(memory_format=torch.channels_last)
    optimizer, objective = torch.optim.AdamW(network.parameters(), lr=1e-4), Fit(SeedsOnly())
    image = batch.image.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            logits = network(image)
        objective(logits.float(), batch).backward()
        optimizer.step()

    return step


def seconds(work: Callable[[], object]) -> float:
    """The median of ten, after three that warm up."""
    taken = []
    for _ in range(13):
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return median(taken[3:])
