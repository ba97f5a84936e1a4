"""Stage A on the labels of one image: what they imply already."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch.nn import functional as F

from weakseg.appearance.appearances import Appearances
from weakseg.appearance.box_colors import BoxColors
from weakseg.appearance.scribble_densities import ScribbleDensities
from weakseg.constraint_choice.for_tables import FILLED
from weakseg.constraints.boxes import BoxesFilled, NothingOutsideBoxes
from weakseg.constraints.linear_rows import All, Constraint
from weakseg.constraints.tags import TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.data.overlay import resized_labels
from weakseg.joint.joint_cut import JointCut
from weakseg.studio.labels.layers import Layers
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD, Batch, Classes, Evidence

LONGEST = 320
"""Cells along the longer side of the working grid."""

TOLD_SHARE = 0.01
"""Fraction of the image that a class covers at least which is tagged and not drawn."""

SURE = 2 / 3
"""Probability, of what is near, from which on a class is sure."""
NEAR_CELLS = 5
"""Side of the square whose mean counts: a single cell says nothing."""


@dataclass(frozen=True)
class Answer:
    """What stage A found on the working grid."""

    labels: Int[np.ndarray, "h w"] | None
    """Class of each cell; `None` where the labels say too little."""
    energy: float
    gap: float
    """Distance from the lower bound, in nats per pixel."""
    status: str
    unsure: Bool[np.ndarray, "h w"] | None = None
    """Where colours, places and the network speak less than `SURE` for the class; of single cells only."""


def working_size(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the working grid."""
    scale = min(LONGEST / max(height, width), 1)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def reduced(image: Float[np.ndarray, "M H W"], size: tuple[int, int]) -> Float[np.ndarray, "M h w"]:
    """An image or probabilities, averaged over cells."""
    return F.interpolate(torch.from_numpy(np.ascontiguousarray(image))[None].float(), size, mode="area")[0].numpy()


def answer(
    image: Float[np.ndarray, "M h w"],
    layers: Layers,
    classes: Classes,
    probs: Float[np.ndarray, "C h w"] | None,
    cell_px: int,
) -> Answer:
    """The segmentation that agrees best with all labels of an image.

    Args:
        image: on the working grid.
        layers: the labels, in pixels of the whole image.
        classes: the classes.
        probs: the prediction of a network on the working grid, where there is one.
        cell_px: side of the cells that have one label each.
    """
    size = (image.shape[1], image.shape[2])
    seeds = seeds_of(layers, size)
    boxes = _boxes(layers, size)
    tags = _tags(layers, seeds, boxes, classes, probs is not None)
    if (tags != ABSENT).sum() < 2:
        return Answer(None, 0.0, 0.0, "Draw on regions of two classes, or a box, to see a segmentation.")
    batch = Batch.of(image[None], len(classes), seeds=seeds[None], tags=tags[None], boxes=[boxes])
    if probs is None:
        log_probs = np.full((len(classes), *size), -np.log(len(classes)), np.float32)
    else:
        log_probs = np.log(probs.clip(1e-6) / probs.clip(1e-6).sum(0))
    evidence = Evidence(batch.image, torch.from_numpy(log_probs)[None].float(), batch.weak)
    solver = _solver(seeds, boxes, layers, classes, cell_px)
    solution = solver.solve(evidence)
    assert solution.memory.labels is not None
    certificate = {name: float(values[0]) for name, values in solution.certificate.items()}
    labels = solution.memory.labels[0].numpy()
    unsure = _unsure(solver, evidence, labels) if cell_px == 1 else None
    return Answer(labels, certificate["energy"], certificate["gap"], solution.status[0], unsure)


def _unsure(solver: JointCut, evidence: Evidence, labels: Int[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Where the class that was found is not that of which most is known."""
    costs = -solver.prediction_weight * evidence.log_probs
    if solver.appearance is not None:
        costs = costs + solver.appearance_weight * solver.appearance(evidence, labels.shape)
    costs[evidence.weak.tags == ABSENT] = torch.inf
    probs = F.avg_pool2d(costs.neg().softmax(1), NEAR_CELLS, 1, NEAR_CELLS // 2, count_include_pad=False)[0]
    own = probs.gather(0, torch.from_numpy(labels)[None].clamp(min=0).long())[0].numpy()
    return (own < SURE) & (evidence.weak.seeds[0].numpy() == UNLABELED)


def _solver(seeds, boxes, layers: Layers, classes: Classes, cell_px: int) -> JointCut:
    """The joint cut for the kinds of labels that there are.

    Its weights are those that `weakseg train` takes for these kinds (`recipe.method`).
    """
    drawn, boxed = bool((seeds != UNLABELED).any()), bool(len(boxes))
    rules: list[Constraint] = [UntaggedClassesAbsent()]
    rules += [NothingOutsideBoxes(), BoxesFilled(FILLED, float("inf"))] if boxed else []
    if any(tag == PRESENT for tag in layers.tags):
        rules.append(TaggedClassesPresent(TOLD_SHARE, background=classes.background))
    looks = (*((ScribbleDensities(),) if drawn else ()), *((BoxColors(),) if boxed else ()))
    return JointCut(
        All(tuple(rules)),
        edge_weight=0.2 if drawn else 0.1,
        appearance=Appearances(looks) if len(looks) > 1 else looks[0] if looks else None,
        appearance_weight=0.5 if drawn else 1.0,
        only_classes_present=False,
        cell_px=cell_px,
        max_cuts=4,
    )


def seeds_of(layers: Layers, size: tuple[int, int]) -> Int[np.ndarray, "h w"]:
    """The class that scribbles and clicks say of each cell of the working grid."""
    seeds = layers.seeds.copy()
    for label, x, y in layers.clicks:
        seeds[y, x] = label
    return seeds if seeds.shape == size else resized_labels(seeds, size)


def _boxes(layers: Layers, size: tuple[int, int]) -> Float[np.ndarray, "N 5"]:
    """Boxes (class, top, left, bottom, right) on the working grid."""
    down, across = np.array(size) / layers.seeds.shape
    rows = [(c, y * down, x * across, bottom * down, right * across) for c, x, y, right, bottom in layers.boxes]
    return np.array(rows, float).reshape(-1, 5)


def _tags(layers: Layers, seeds, boxes, classes: Classes, predicted: bool) -> Int[np.ndarray, " C"]:
    """Tags of all classes.

    Without a network, nothing speaks for a class that is neither drawn, boxed nor tagged.
    """
    tags = np.array(layers.tags, np.int64)
    shown = {*np.unique(seeds[seeds != UNLABELED]).tolist(), *boxes[:, 0].astype(int).tolist()}
    tags[list(shown)] = PRESENT
    if not predicted:
        if classes.background is not None and len(boxes) and tags[classes.background] == UNTOLD:
            tags[classes.background] = PRESENT
        tags[tags == UNTOLD] = ABSENT
    return tags


def mask_png(mask: Bool[np.ndarray, "h w"]) -> bytes:
    """A mask as a PNG that is black where it holds and transparent elsewhere."""
    return as_png(np.where(mask, 0, UNLABELED), [(0, 0, 0)])


def as_png(labels: Int[np.ndarray, "h w"], colours: list[tuple[int, int, int]]) -> bytes:
    """Labels as an indexed PNG; what has no label is transparent."""
    picture = Image.fromarray(np.where(labels == UNLABELED, 255, labels).astype(np.uint8))
    picture.putpalette([channel for colour in colours for channel in colour] + [0] * (768 - 3 * len(colours)))
    stream = BytesIO()
    picture.save(stream, format="PNG", transparency=255, compress_level=1)
    return stream.getvalue()
