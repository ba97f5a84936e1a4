"""The nouns every room shares, and the one-method protocols that let solvers, divergences and energies be swapped.

Axes: B images, C classes, M image channels, H W pixels of the labels, h w cells of the network's logits.
Order is always (row, column), height before width; pixel centres lie at integers; ranges are half open.
"Nobody said" is `UNLABELED`, padding and void are `valid == False`, and a thing that was not collected is `None`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.errors import EvidenceInvalid
from weakseg.given import Given, images_of, refuse_unscaled, seeds_of, tensor_of
from weakseg.short_repr import brief

UNLABELED = -1
"""Value of a label map where nobody said which class it is."""

PRESENT = 1
"""Value of a tag: the class is in the image."""

ABSENT = 0
"""Value of a tag: the class is not in the image."""

UNTOLD = -1
"""Value of a tag: not annotated."""


@dataclass(frozen=True)
class Classes:
    """The classes of a data set, in the order of the network's outputs."""

    names: tuple[str, ...]
    """One a class; its place in the tuple, counted from 0, is the class's index."""
    background: int | None = None
    """Index of the class that means "nothing else"; `None` where every pixel is something. Left out of mean Dice."""
    unscored: tuple[int, ...] = ()
    """Indices left out of every mean, because the truth holds too little of them."""

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class WeakLabels:
    """What annotators told us about a batch of views (crops, flips, zooms) of images.

    Boxes are in the pixels of this view and are not clipped to it, so a rule can see that a box was cut.
    Areas are shares of the *whole* image's valid pixels; `visible_share` turns them into bounds for the view.
    """

    seeds: Int[Tensor, "B H W"]
    """Class index where somebody drew, `UNLABELED` elsewhere."""
    valid: Bool[Tensor, "B H W"]
    """False on padding and on void pixels (whose class must not be judged)."""
    tags: Int[Tensor, "B C"]
    """`PRESENT`, `ABSENT` or `UNTOLD`, about the whole image."""
    areas: Float[Tensor, "B C 2"]
    """Smallest and largest share of the whole image's valid pixels, in [0, 1]; (0, 1) where nobody said."""
    boxes: tuple[Float[Tensor, "_ 5"], ...]
    """One (class, top, left, bottom, right) row per box, for each image."""
    window: Float[Tensor, "B 2 3"]
    """Affine map from (row, column, 1) in this view to (row, column) in the whole image."""
    whole_valid: Int[Tensor, " B"]
    """How many valid pixels the whole image has."""

    __repr__ = brief

    @property
    def visible_share(self) -> Float[Tensor, " B"]:
        """Share of the whole image's valid pixels that this view shows, in [0, 1]."""
        area = torch.linalg.det(self.window[:, :, :2]).abs()
        shown = self.valid.flatten(1).sum(1) * area
        return (shown / self.whole_valid.clamp(min=1)).clamp(max=1)

    @property
    def hidden(self) -> Bool[Tensor, "B H W"]:
        """Pixels whose class is to be found: valid, and marked by nobody."""
        return self.valid & (self.seeds == UNLABELED)


@dataclass(frozen=True)
class Memory:
    """What an earlier solve found for these very images, carried through augmentation like any label."""

    labels: Int[Tensor, "B H W"] | None = None
    """The hidden segmentation, `UNLABELED` where none was found."""
    soft: Float[Tensor, "B C H W"] | None = None
    """In place of labels, how likely each class is, times how much the pixel teaches: all 0 where none was found."""
    multipliers: tuple[Float[Tensor, " _"], ...] | None = None
    """The dual variables of each image's linear constraints, in the order of its rows."""
    target: Float[Tensor, "B C h w"] | None = None
    """What was found for these very views and is held, on the grid its solver chose, as in `Solution`."""
    weight: Float[Tensor, "B h w"] | None = None
    """How much each pixel of that target teaches."""

    __repr__ = brief


@dataclass(frozen=True)
class Batch:
    """One training step's worth of images and of what is known about them."""

    image: Float[Tensor, "B M H W"]
    """Values in [0, 1]; networks normalise for themselves."""
    weak: WeakLabels
    """What annotators told us about these views."""
    keys: tuple[str, ...]
    """Which image each view was cut from."""
    progress: float = 0.0
    """How much of the training is behind us, 0 to 1."""
    memory: Memory = field(default_factory=Memory)
    """What earlier solves found for these images; empty where nothing is remembered."""

    __repr__ = brief

    @staticmethod
    def from_seeds(
        image: Given,
        seeds: Given,
        n_classes: int,
        valid: Given | None = None,
        unlabeled: int = UNLABELED,
    ) -> "Batch":
        """A batch of whole images about which nothing is known but what was drawn.

        Args:
            image: (B, M, H, W), values in [0, 1], or uint8, which is divided by 255.
            seeds: (B, H, W), class index where the annotator drew, `unlabeled` elsewhere; integers.
            n_classes: how many classes there are.
            valid: (B, H, W), False on padding, and where nothing is to be learnt or judged; `None`: every pixel counts.
            unlabeled: the value of `seeds` where nothing is drawn; 255 in most files.

        Raises:
            EvidenceInvalid: values, kinds or shapes that cannot be meant, each by name and with what fixes it.
        """
        if not isinstance(n_classes, int) or isinstance(n_classes, bool) or n_classes < 1:
            raise EvidenceInvalid(f"n_classes is {n_classes!r}", expected="how many classes there are, 1 or more")
        image = images_of(image)
        seeds = seeds_of(seeds, image, unlabeled)
        valid = torch.ones_like(seeds, dtype=torch.bool) if valid is None else tensor_of(valid, "valid")
        if valid.shape != seeds.shape or valid.dtype != torch.bool:
            found = f"valid is {valid.dtype} of {tuple(valid.shape)}, the seeds are {tuple(seeds.shape)}"
            raise EvidenceInvalid(found, expected="booleans of the seeds' shape", fix="give `mask > 0` of that shape")
        refuse_unscaled(image.movedim(1, -1)[valid] if not valid.all() else image)
        seeds = torch.where(valid, seeds, UNLABELED)
        refuse_strange_labels(seeds, n_classes)
        count = len(seeds)
        areas = torch.tensor([0.0, 1.0], device=seeds.device).expand(count, n_classes, 2)
        weak = WeakLabels(
            seeds=seeds,
            valid=valid,
            tags=torch.full((count, n_classes), UNTOLD, device=seeds.device),
            areas=areas,
            boxes=(torch.empty(0, 5, device=seeds.device),) * count,
            window=torch.eye(2, 3, device=seeds.device).expand(count, 2, 3),
            whole_valid=valid.flatten(1).sum(1),
        )
        return Batch(image, weak, keys=tuple(map(str, range(count))))

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return _moved(self, device)


def refuse_strange_labels(labels: Int[Tensor, "B H W"], classes: int, name: str = "seeds") -> None:
    """Raise `EvidenceInvalid` where a label is neither a class nor `UNLABELED`: it would be counted elsewhere."""
    strange = (labels < UNLABELED) | (labels >= classes)
    if strange.any():
        images = strange.flatten(1).any(1).nonzero().flatten().tolist()
        values = sorted({*labels[strange].tolist()})
        raise EvidenceInvalid(
            f"Images {', '.join(map(str, images))} of the batch (counted from 0) have {name} of class "
            f"{', '.join(map(str, values))}.",
            expected=f"0 to {classes - 1}, or {UNLABELED} where nothing is known",
            fix=_habit_of(values),
        )


def _habit_of(values: list[int]) -> str:
    """What to do about values that are no classes, by the habit of other programs that they look like."""
    nothing = [value for value in values if value in (255, -100, 65535)]
    if nothing == values and len(values) == 1:
        value = values[0]
        return f"{value} usually means unlabelled: give unlabeled={value}, or torch.where(seeds == {value}, -1, seeds)"
    return "number the classes from 0, without gaps, and count all of them in n_classes"


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, tuple):
        return tuple(_moved(part, device) for part in value)
    if isinstance(value, (Batch, WeakLabels, Memory)):
        return replace(value, **{f.name: _moved(getattr(value, f.name), device) for f in fields(value)})
    return value


@dataclass(frozen=True)
class Evidence:
    """All that a solver or an energy may look at.

    Log-probabilities may be coarser than the image and its labels (h w divides H W by the network's stride).
    """

    image: Float[Tensor, "B M H W"]
    """Values in [0, 1], on the labels' own grid."""
    log_probs: Float[Tensor, "B C h w"]
    """What the network predicts, in nats: at most 0, and the exponentials of all classes sum to 1 in each cell."""
    weak: WeakLabels
    """What annotators told us about these views."""
    keys: tuple[str, ...] = ()
    """Which image each one is of, where that is known; messages name them."""

    __repr__ = brief


@dataclass(frozen=True)
class Solution:
    """A hidden segmentation, on the grid its solver chose, with the proof of how good it is."""

    target: Float[Tensor, "B C h w"]
    """A distribution over classes at every pixel."""
    weight: Float[Tensor, "B h w"]
    """How much each pixel teaches, in [0, 1]; 0 on invalid pixels."""
    energy: Float[Tensor, " B"]
    """Value of what was minimised."""
    status: tuple[str, ...]
    """One sentence an image: how its solve ended."""
    certificate: dict[str, Float[Tensor, " B"]] = field(default_factory=dict)
    """Numbers a sceptic can check, by name: for instance `gap` and `violation` of a projection."""
    memory: Memory = field(default_factory=Memory)
    """What to hand back as `start` next time these images are solved."""

    __repr__ = brief


@runtime_checkable
class Solver(Protocol):
    """Stage A: finds a hidden segmentation that agrees with the evidence. Frozen, and without state."""

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The hidden segmentation of each image, each solved on its own."""
        ...


@runtime_checkable
class Divergence(Protocol):
    """Stage B: how far a prediction is from a target, at every pixel; >= 0, and 0 when they agree fully."""

    def __call__(self, target: Float[Tensor, "B C H W"], log_probs: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """Nats per pixel."""
        ...


@runtime_checkable
class Energy(Protocol):
    """How implausible a segmentation is, given the image; >= 0 and resolution-free."""

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """One value an image, differentiable in `probs`."""
        ...


Objective = Callable[[Float[Tensor, "B C h w"], Batch], Float[Tensor, ""]]
"""A training loss: any callable (logits, batch) -> scalar, so it drops into any PyTorch loop."""
