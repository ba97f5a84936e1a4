"""Simulated annotators: weak labels from full masks.

Each kind of label fills one part of a `Sample`. An image's labels depend on the seed and the image's key alone, not on
the order or size of the data set.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from weakseg.data.relabel import relabelled
from weakseg.data.sample import Dataset, Sample, Stroke
from weakseg.data.simulate.curve import curve, depth, middle
from weakseg.data.simulate.regions import regions
from weakseg.data.stroke import draw
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.types import ABSENT, PRESENT, UNLABELED, Classes

MAX_SHARE = 0.03
"""Largest fraction of an image's valid pixels that scribbles cover together."""


@dataclass(frozen=True)
class Scribbles:
    """One open curve in every region, never on another class.

    Together they cover at most `MAX_SHARE` of the image. A shorter scribble is the middle part of a longer one. If full
    curves would cover too much, all of them are shortened from both ends in the same proportion, to dots at the least,
    and `length` is relative to that.
    """

    length: float = 1.0
    """Fraction of the curve that is drawn, in [0, 1]; 0 is a dot as wide as the pen."""
    width_px: float = 3.0
    """Width of the pen in pixels of the image, above 0."""
    fills: ClassVar[str] = "seeds"

    def __post_init__(self):
        if not 0 <= self.length <= 1 or not self.width_px > 0:
            raise RecipeInvalid(f"{self}", expected="a length in [0, 1] and a width above 0")

    def simulate(
        self, truth: Int[np.ndarray, "H W"], classes: Classes, generator: np.random.Generator
    ) -> Int[np.ndarray, "H W"]:
        """Class index on the scribbles, `UNLABELED` elsewhere."""
        curves = [(region, curve(region.mask, generator)) for region in regions(truth)]
        # Without a limit, images of many small regions would be labelled in large part, and no longer be weak.
        budget = MAX_SHARE * np.count_nonzero(truth != UNLABELED)
        affordable, drawn = 1.0, self._draw(truth, curves, 1.0)
        while np.count_nonzero(drawn != UNLABELED) > budget and affordable > 0:
            # Ink shrinks less than curves do, because each leaves a dot: repeat until it fits, or only dots are left.
            affordable *= 0.98 * budget / np.count_nonzero(drawn != UNLABELED)
            # Dots at the least; they are drawn even where they alone are beyond the budget, since every region has one.
            affordable = affordable if affordable > 0.01 else 0.0
            drawn = self._draw(truth, curves, affordable)
        return drawn if self.length == 1 else self._draw(truth, curves, self.length * affordable)

    def _draw(self, truth, curves, length: float) -> Int[np.ndarray, "H W"]:
        drawn = np.full(truth.shape, UNLABELED, np.int16)
        for region, points in curves:
            ink = draw(np.full(region.mask.shape, UNLABELED), middle(points, length), self.width_px, region.label)
            drawn[region.at] = np.where(region.mask & (ink != UNLABELED), ink, drawn[region.at])
        return drawn


@dataclass(frozen=True)
class Clicks:
    """One pixel in every region, well inside it."""

    fills: ClassVar[str] = "strokes"

    def simulate(
        self, truth: Int[np.ndarray, "H W"], classes: Classes, generator: np.random.Generator
    ) -> tuple[Stroke, ...]:
        """A one-point stroke, one pixel wide, for every region."""
        clicks = []
        for region in regions(truth):
            deep = depth(region.mask)
            # People click into the middle of things, but not at the exact centre.
            inner = np.argwhere(deep >= 0.7 * deep.max())
            point = inner[generator.integers(len(inner))] + [side.start for side in region.at]
            clicks.append(Stroke(region.label, point[None].astype(float), width_px=1.0))
        return tuple(clicks)


@dataclass(frozen=True)
class Boxes:
    """One tight box around every region except background."""

    fills: ClassVar[str] = "boxes"

    def simulate(
        self, truth: Int[np.ndarray, "H W"], classes: Classes, generator: np.random.Generator
    ) -> Float[np.ndarray, "N 5"]:
        """Boxes (class, top, left, bottom, right), half open."""
        boxes = [
            (region.label, region.at[0].start, region.at[1].start, region.at[0].stop, region.at[1].stop)
            for region in regions(truth)
            if region.label != classes.background
        ]
        return np.array(boxes, float).reshape(-1, 5)


@dataclass(frozen=True)
class Tags:
    """Presence or absence of every class in the image."""

    fills: ClassVar[str] = "tags"

    def simulate(
        self, truth: Int[np.ndarray, "H W"], classes: Classes, generator: np.random.Generator
    ) -> Int[np.ndarray, " C"]:
        """`PRESENT` or `ABSENT` for every class."""
        return np.where(_shares(truth, len(classes)) > 0, PRESENT, ABSENT)


@dataclass(frozen=True)
class OneBitSizes:
    """Whether each class covers at least a threshold.

    The threshold is a fraction of the valid pixels; only classes in the image have a size.
    """

    threshold: float = 0.1
    """Fraction of the valid pixels from which a class is large, between 0 and 1."""
    fills: ClassVar[str] = "areas"

    def __post_init__(self):
        if not 0 < self.threshold < 1:
            raise RecipeInvalid(f"{self}", expected="a threshold between 0 and 1")

    def simulate(
        self, truth: Int[np.ndarray, "H W"], classes: Classes, generator: np.random.Generator
    ) -> Float[np.ndarray, "C 2"]:
        """Bounds [threshold, 1] or [0, threshold].

        (0, 1) for classes that are not in the image.
        """
        shares = _shares(truth, len(classes))
        lower = np.where(shares >= self.threshold, self.threshold, 0.0)
        upper = np.where((shares > 0) & (shares < self.threshold), self.threshold, 1.0)
        return np.stack([lower, upper], axis=1)


@dataclass(frozen=True)
class IntervalSizes:
    """An interval around the size of every class present.

    Sizes are fractions of the valid pixels; the interval is the true size plus or minus `margin` of it.
    """

    margin: float = 0.25
    """Relative distance of the bounds from the true size, in [0, 1]; 0 gives the size itself."""
    fills: ClassVar[str] = "areas"

    def __post_init__(self):
        if not 0 <= self.margin <= 1:
            raise RecipeInvalid(f"{self}", expected="a margin in [0, 1]")

    def simulate(
        self, truth: Int[np.ndarray, "H W"], classes: Classes, generator: np.random.Generator
    ) -> Float[np.ndarray, "C 2"]:
        """Bounds fraction * (1 -/+ margin).

        (0, 1) for classes that are not in the image.
        """
        shares = _shares(truth, len(classes))
        upper = np.where(shares > 0, np.minimum(shares * (1 + self.margin), 1.0), 1.0)
        return np.stack([shares * (1 - self.margin), upper], axis=1)


Kind = Scribbles | Clicks | Boxes | Tags | OneBitSizes | IntervalSizes


def _shares(truth: Int[np.ndarray, "H W"], n_classes: int) -> Float[np.ndarray, " C"]:
    """Each class's fraction of the valid pixels."""
    counts = np.bincount(truth[truth != UNLABELED], minlength=n_classes)
    return counts / max(counts.sum(), 1)


@dataclass(frozen=True)
class Simulated:
    """A data set with weak labels simulated from another's masks.

    What is not simulated is unlabelled. As everywhere, what is scribbled, clicked or boxed is tagged as present.

    Raises:
        DataInvalid: a sample has no mask to simulate from (on access).
    """

    samples: Dataset
    """Images with masks."""
    kinds: tuple[Kind, ...]
    """Kinds of labels: `Scribbles()`, `Clicks()`, `Boxes()`, `Tags()`, and `OneBitSizes()` or
    `IntervalSizes()`."""
    seed: int = 0
    """Random seed of the positions of curves and clicks, 0 or more."""

    def __post_init__(self):
        filled = [kind.fills for kind in self.kinds]
        if len(set(filled)) < len(filled):
            raise RecipeInvalid(f"{self.kinds} fill the same part twice", fix="keep one of them")
        if self.seed < 0:
            raise RecipeInvalid(f"seed {self.seed}", expected="0 or more")

    @property
    def classes(self) -> Classes:
        """The classes of the samples."""
        return self.samples.classes

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the samples."""
        return self.samples.keys

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        if sample.key not in self._told:
            self._told[sample.key] = self._tell(sample)
        return relabelled(sample, len(self.classes), **self._told[sample.key])

    @cached_property
    def _told(self) -> dict[str, dict[str, Any]]:
        """A cache of the simulated labels.

        They are indexed by key, then by the part of the sample that they fill.
        """
        return {}

    def __reduce__(self):
        # The cache is not pickled: its labels can be simulated again.
        return type(self), (self.samples, self.kinds, self.seed)

    def _tell(self, sample: Sample) -> dict[str, Any]:
        if sample.truth is None:
            fix = "add its mask, or leave the image out"
            raise DataInvalid(f"'{sample.key}' has no mask to simulate labels from", fix=fix)
        told = {}
        for kind in self.kinds:
            # Each kind has its own generator, so that other kinds do not change its labels.
            # By key and not by index: a split of the data set keeps the labels of its images. `crc32`, because Python's
            # own hash of text differs from process to process.
            generator = np.random.default_rng([self.seed, crc32(sample.key.encode("utf-8", "surrogateescape"))])
            told[kind.fills] = kind.simulate(sample.truth, self.classes, generator)
        return told
