"""What the dense CRF loss costs beside the training step it is added to."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional as F

from weakseg import Batch, Fit, Regularize, SeedsOnly
from weakseg.data.folder.folder import Folder
from weakseg.energies import DenseCRF
from weakseg.lattice.gaussian_filter import GaussianFilter
from weakseg.lattice.permutohedral import Lattice
from weakseg.networks import Pretrained, UNet

IMAGES, CLASSES, CELLS, PIXELS = 12, 21, 129, 257


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread, processor time, medians of three."""
    torch.set_num_threads(1)
    batch, logits = scene()
    loss = Regularize(DenseCRF.rloss())
    spent = seconds(lambda: loss(logits, batch).backward())
    step, network = training_step(batch)
    yield "crf.loss_ms_per_image", 1000 * spent / IMAGES, f"ms, {CELLS} x {CELLS} x {CLASSES}, forward and backward"
    yield "crf.loss_share", spent / seconds(step), f"of a training step of {network}, 12 x {PIXELS} x {PIXELS}"
    yield "crf.loss_bytes_per_image", float(lattice_bytes(batch.image)), "bytes: the lattice and one value array on it"


def scene() -> tuple[Batch, torch.Tensor]:
    """Smooth noisy images with 3 % of their pixels marked, and random logits half as fine."""
    generator = torch.Generator().manual_seed(0)
    image = images(generator)
    seeds = torch.where(torch.rand(IMAGES, PIXELS, PIXELS, generator=generator) < 0.03, 1, -1)
    batch = Batch.of(image, CLASSES, seeds=seeds)
    logits = torch.randn(IMAGES, CLASSES, CELLS, CELLS, generator=generator, requires_grad=True)
    return batch, logits


def images(generator: torch.Generator) -> torch.Tensor:
    """A batch (B, 3, H, W), of photographs of msrc21 where they are at hand, else of smooth noise."""
    if (Path(os.environ.get("WEAKSEG_DATA", "")) / "msrc21").is_dir():
        folder = Folder("msrc21", "train", labels=())
        chosen = torch.linspace(0, len(folder) - 1, IMAGES).int().tolist()
        photographs = [torch.from_numpy(folder[index].image)[None] for index in chosen]
        return torch.cat([F.interpolate(photograph, (PIXELS, PIXELS), mode="bilinear") for photograph in photographs])
    coarse = torch.rand(IMAGES, 3, 9, 9, generator=generator)
    image = F.interpolate(coarse, (PIXELS, PIXELS), mode="bicubic").clamp(0, 1)
    return (image + 0.02 * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def training_step(batch: Batch) -> tuple[Callable[[], object], str]:
    """Forward, backward and optimiser step of MobileNetV2; of a small U-Net where its weights are not at hand."""
    there = "WEAKSEG_WEIGHTS" in os.environ
    spec = Pretrained("mobilenet_v2_imagenet", output_stride=16) if there else UNet()
    network = spec.build(3, CLASSES).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        Fit(SeedsOnly())(network(batch.image).float(), batch).backward()
        optimizer.step()

    return step, "MobileNetV2" if there else "a small U-Net"


def lattice_bytes(image: torch.Tensor) -> int:
    """What the loss keeps of one image, besides a filtered copy of its probabilities."""
    small = F.interpolate(image[:1], (CELLS, CELLS), mode="area")
    kept = 0
    for matrix, _ in DenseCRF.rloss().kernels(small, torch.arange(CELLS * CELLS), torch.tensor([float(CELLS)])):
        assert isinstance(matrix, GaussianFilter)
        assert isinstance(matrix.lattice, Lattice)
        lattice = matrix.lattice
        kept += lattice.corners.nbytes + lattice.weights.nbytes + lattice.neighbours.nbytes
        kept += 4 * 24 * (lattice.size + 1)
    return kept


def seconds(work: Callable[[], object]) -> float:
    """The median of three, after one run that fills caches."""
    work()
    taken = []
    for _ in range(3):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return median(taken)
