"""Small batches for tests of solvers and objectives: easy images beside hard ones."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from weakseg import Batch, WeakLabels
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

CLASSES = 4
SIZE = (16, 24)


def batch_of(seeds: Tensor, valid: Tensor | None = None, classes: int = CLASSES) -> Batch:
    """Whole images of which only the seeds, and what is valid, are known."""
    valid = torch.ones_like(seeds, dtype=torch.bool) if valid is None else valid
    count = len(seeds)
    weak = WeakLabels(
        seeds=seeds,
        valid=valid,
        tags=torch.full((count, classes), UNTOLD),
        areas=torch.tensor([0.0, 1.0]).expand(count, classes, 2),
        boxes=(torch.zeros(0, 5),) * count,
        window=torch.eye(2, 3).expand(count, 2, 3),
        whole_valid=valid.flatten(1).sum(1),
    )
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((count, 3, *seeds.shape[1:]), generator=generator)
    return Batch(image, weak, tuple(f"image{i}" for i in range(count)))


def mixed(seed: int = 0, stride: int = 1) -> tuple[Tensor, Batch]:
    """Logits and labels of six images: tags of absent classes and of one that is there, its box, rough sizes.

    In order: predicted rightly and surely; hardly predicted at all; predicted surely and wrongly; half void;
    without any seed; and with no pixel that counts.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn((6, CLASSES, 4, 6), generator=generator)
    truth = F.interpolate(coarse, SIZE, mode="bilinear", align_corners=False).argmax(1)
    drawn = torch.rand((6, *SIZE), generator=generator) < 0.1
    drawn[4] = False
    valid = torch.ones((6, *SIZE), dtype=torch.bool)
    valid[3, : SIZE[0] // 2], valid[5] = False, False
    strength = torch.tensor([8.0, 0.1, -8.0, 2.0, 1.0, 1.0])[:, None, None, None]
    logits = F.interpolate(coarse, (SIZE[0] // stride, SIZE[1] // stride), mode="bilinear", align_corners=False)
    batch = batch_of(torch.where(drawn & valid, truth, UNLABELED), valid)
    share = (F.one_hot(truth, CLASSES) * valid[..., None]).sum((1, 2)) / valid.sum((1, 2))[:, None].clamp(min=1)
    areas = torch.stack([(share - 0.05).clamp(min=0), (share + 0.05).clamp(max=1)], 2)
    tags = torch.where(share > 0, UNTOLD, ABSENT)
    boxes = []
    for i, label in enumerate(share.argmax(1).tolist()):
        shown = ((truth[i] == label) & valid[i]).nonzero()
        if len(shown):
            tags[i, label] = PRESENT
            top_left, bottom_right = shown.amin(0), shown.amax(0) + 1
            boxes.append(torch.tensor([[label, *top_left.tolist(), *bottom_right.tolist()]], dtype=torch.float32))
        else:
            boxes.append(torch.zeros(0, 5))
    weak = replace(batch.weak, tags=tags, areas=areas, boxes=tuple(boxes))
    return logits * strength, replace(batch, weak=weak)


def part(batch: Batch, rows: list[int]) -> Batch:
    """Some images of a batch, in the given order."""
    weak = batch.weak
    tensors = ("seeds", "valid", "tags", "areas", "window", "whole_valid")
    chosen = {name: getattr(weak, name)[rows] for name in tensors} | {"boxes": tuple(weak.boxes[i] for i in rows)}
    keys = tuple(batch.keys[i] for i in rows)
    return replace(batch, image=batch.image[rows], weak=replace(weak, **chosen), keys=keys)
