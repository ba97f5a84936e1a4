"""The nouns and protocols that all modules share.

Solvers, divergences and energies are protocols of one method, so that they can be swapped.

Axes: B images, C classes, M image channels, H W pixels of the labels, h w cells of the network's logits.
Order is always (row, column), height before width; pixel centres lie at integers; ranges are half open.
What the annotator left open is `UNLABELED` or `UNTOLD`, padding and void are `valid == False`, and kinds of labels that
were not collected are `None`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, Unpack, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.arrays.given import (
    Given,
    Hints,
    habit_of,
    hints_of,
    images_of,
    keys_of,
    labels_of,
    refuse_unscaled,
    targets_of,
    tensor_of,
)
from weakseg.arrays.short_repr import brief
from weakseg.classes import ABSENT as ABSENT
from weakseg.classes import PRESENT as PRESENT
from weakseg.classes import UNLABELED as UNLABELED
from weakseg.classes import UNTOLD as UNTOLD
from weakseg.classes import Classes as Classes
from weakseg.errors import EvidenceInvalid


@dataclass(frozen=True)
class WeakLabels:
    """Weak labels of a batch of views.

    Views are crops, flips and zooms of images.

    Boxes are in the pixels of the view and are not clipped to it, so that a constraint can see that a box was cut.
    Areas are fractions of the *whole* image's valid pixels; `visible_share` turns them into bounds for the view.
    """

    seeds: Int[Tensor, "B H W"]
    """Class index of labelled pixels, `UNLABELED` elsewhere."""
    valid: Bool[Tensor, "B H W"]
    """False on padding and on void pixels, whose class must not be evaluated."""
    tags: Int[Tensor, "B C"]
    """`PRESENT`, `ABSENT` or `UNTOLD` for each class, about the whole image."""
    areas: Float[Tensor, "B C 2"]
    """Smallest and largest fraction of the whole image's valid pixels, in [0, 1]; (0, 1) where no size is given."""
    boxes: tuple[Float[Tensor, "_ 5"], ...]
    """One (class, top, left, bottom, right) row per box, for each image."""
    window: Float[Tensor, "B 2 3"]
    """Affine map from (row, column, 1) in this view to (row, column) in the whole image."""
    whole_valid: Int[Tensor, " B"]
    """Number of valid pixels of the whole image."""

    __repr__ = brief

    @property
    def visible_share(self) -> Float[Tensor, " B"]:
        """The fraction of valid pixels that each view shows.

        It is of the whole image's valid pixels, in [0, 1].
        """
        # Pixels of the image for each pixel of the view.
        area = torch.linalg.det(self.window[:, :, :2]).abs()
        # Rounding of a view's borders may count a little more than there is, hence the clamp.
        shown = self.valid.flatten(1).sum(1) * area
        return (shown / self.whole_valid.clamp(min=1)).clamp(max=1)

    @property
    def hidden(self) -> Bool[Tensor, "B H W"]:
        """Unlabelled pixels, whose class is to be found.

        They are valid, and no seed lies on them.
        """
        return self.valid & (self.seeds == UNLABELED)


@dataclass(frozen=True)
class Memory:
    """What an earlier solve of these images ended with."""

    labels: Int[Tensor, "B H W"] | None = None
    """The segmentation, `UNLABELED` where none was found."""
    multipliers: tuple[Float[Tensor, " _"], ...] | None = None
    """The dual variables of each image's linear constraints, in the order of its rows."""

    __repr__ = brief


@dataclass(frozen=True)
class Evidence:
    """All that solvers and energies may look at.

    Log-probabilities may lie on a coarser grid than the image and its labels (h w is H W divided by the stride).
    """

    image: Float[Tensor, "B M H W"]
    """Values in [0, 1], on the labels' own grid."""
    log_probs: Float[Tensor, "B C h w"]
    """The network's prediction in nats: at most 0, and the exponentials of all classes sum to 1 in each cell."""
    weak: WeakLabels
    """The weak labels of these views."""
    keys: tuple[str, ...] = ()
    """Keys of the images, where they are known; messages name them."""

    __repr__ = brief


@dataclass(frozen=True)
class Solution:
    """A hidden segmentation, with numbers that certify it.

    It lies on the grid that its solver chose.
    """

    target: Float[Tensor, "B C h w"]
    """Probabilities of the classes at every pixel."""
    weight: Float[Tensor, "B h w"]
    """The weight of each pixel in the loss, in [0, 1]; 0 on invalid pixels."""
    energy: Float[Tensor, " B"]
    """The minimised value."""
    status: tuple[str, ...]
    """One sentence per image on how its solve ended."""
    certificate: dict[str, Float[Tensor, " B"]] = field(default_factory=dict)
    """Numbers that certify the solution, by name: for instance `gap` and `violation` of a projection."""
    memory: Memory = field(default_factory=Memory)
    """The result to pass as `start` when these images are solved again."""

    __repr__ = brief


@dataclass(frozen=True)
class Batch:
    """Images of one training step, and their weak labels."""

    image: Float[Tensor, "B M H W"]
    """Values in [0, 1]; networks normalise for themselves."""
    weak: WeakLabels
    """What annotators told us about these views."""
    keys: tuple[str, ...]
    """Which image each view was cut from."""
    progress: float = 0.0
    """Fraction of the training that is completed, in [0, 1]."""
    targets: Int[Tensor, "B H W"] | Float[Tensor, "B C H W"] | Solution | None = None
    """What `Fit` pulls unlabelled pixels to: classes, `UNLABELED` where nothing is taught; or each class's probability
    times the pixel's weight, all 0 where nothing is taught; or a solution found for these very views. `None`: `Fit`
    solves for it."""

    __repr__ = brief

    @staticmethod
    def of(
        image: Given,
        n_classes: int,
        *,
        seeds: Given | None = None,
        valid: Given | None = None,
        targets: Given | None = None,
        keys: Sequence[str] | None = None,
        unlabeled: int = UNLABELED,
        **hints: Unpack[Hints],
    ) -> "Batch":
        """A batch of whole images, from numpy or torch.

        Args:
            image: (B, M, H, W), values in [0, 1], or uint8, which is divided by 255.
            n_classes: how many classes there are, background included: 2 or more.
            seeds: (B, H, W), class index of labelled pixels, `unlabeled` elsewhere; integers.
            valid: (B, H, W), False on padding, and where nothing is to be learnt or judged; `None`: every pixel counts.
            targets: (B, H, W) pseudo-labels as integers, `unlabeled` where there is none; or (B, C, H, W), soft ones.
            keys: a name for each image, for messages; its number by default.
            unlabeled: the value of `seeds` and `targets` that means no label; 255 in most files.
            hints: tags: (B, C), `PRESENT`, `ABSENT` or `UNTOLD`; or booleans, which leave no tag untold.
                areas: (B, C, 2), smallest and largest fraction of the image's valid pixels, in [0, 1].
                boxes: for each image an (N, 5) array of (class, top, left, bottom, right), half open, in pixels.

        Raises:
            EvidenceInvalid: values, kinds or shapes that cannot be meant, each by name and with what fixes it.
        """
        if not isinstance(n_classes, int) or isinstance(n_classes, bool) or n_classes < 2:
            expected = "how many classes there are, 2 or more: the background counts as one"
            raise EvidenceInvalid(f"n_classes is {n_classes!r}", expected=expected)
        image = images_of(image)
        size = (len(image), *image.shape[2:])
        labels = (
            torch.full(size, UNLABELED, device=image.device) if seeds is None else labels_of(seeds, image, unlabeled)
        )
        counts = torch.ones_like(labels, dtype=torch.bool) if valid is None else tensor_of(valid, "valid")
        if counts.shape != labels.shape or counts.dtype != torch.bool:
            found = f"valid is {counts.dtype} of {tuple(counts.shape)}, the images are {tuple(image.shape)}"
            raise EvidenceInvalid(found, expected=f"booleans of {size}", fix="give `mask > 0` of that shape")
        refuse_unscaled(image.movedim(1, -1)[counts] if not counts.all() else image)
        # Void first: what lies on it may hold any number, and must not be refused as a strange label.
        labels = torch.where(counts, labels, UNLABELED)
        refuse_strange_labels(labels, n_classes)
        tags, areas, boxes = hints_of(image, n_classes, **hints)
        weak = WeakLabels(
            seeds=labels,
            valid=counts,
            tags=tags,
            areas=areas,
            boxes=boxes,
            window=torch.eye(2, 3, device=image.device).expand(len(image), 2, 3),
            whole_valid=counts.flatten(1).sum(1),
        )
        pull = None if targets is None else targets_of(targets, image, n_classes, unlabeled)
        if pull is not None and not pull.is_floating_point():
            refuse_strange_labels(pull, n_classes, "targets")
        return Batch(image, weak, keys_of(keys, image), targets=pull)

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
            fix=habit_of(values),
        )


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, tuple):
        return tuple(_moved(part, device) for part in value)
    if isinstance(value, dict):
        return {name: _moved(part, device) for name, part in value.items()}
    if isinstance(value, (Batch, WeakLabels, Solution, Memory)):
        return replace(value, **{f.name: _moved(getattr(value, f.name), device) for f in fields(value)})
    return value


@runtime_checkable
class Solver(Protocol):
    """Stage A: a solver for hidden segmentations.

    They agree with the evidence. A solver is frozen, and has no state.
    """

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The hidden segmentation of each image.

        Each image is solved on its own.
        """
        ...


@runtime_checkable
class Divergence(Protocol):
    """Stage B: a divergence of predictions from targets.

    It is >= 0 at every pixel, and 0 when they agree fully.
    """

    def __call__(self, target: Float[Tensor, "B C H W"], log_probs: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
        """The divergence in nats per pixel."""
        ...


@runtime_checkable
class Energy(Protocol):
    """An energy of segmentations: large for implausible ones.

    It takes the image into account, is >= 0, and does not depend on the resolution.
    """

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """One value per image, differentiable in `probs`."""
        ...


Objective = Callable[[Float[Tensor, "B C h w"], Batch], Float[Tensor, ""]]
"""A training loss: any callable (logits, batch) -> scalar, so that it works in any PyTorch loop."""
