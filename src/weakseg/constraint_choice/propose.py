"""Size constraints proposed from images with known sizes.

Sizes are known from full masks or from annotators.
"""

from collections.abc import Callable, Iterable
from math import ceil, floor, inf, log10

import numpy as np
from jaxtyping import Float

from weakseg.constraints.background import BackgroundBetween
from weakseg.constraints.class_shares import ClassShares
from weakseg.constraints.linear_rows import Constraint
from weakseg.constraints.sizes import LargeOrSmall
from weakseg.constraints.tags import TaggedClassesPresent
from weakseg.data.sample import Sample
from weakseg.data.simulate.annotators import IntervalSizes
from weakseg.types import UNLABELED, Classes

TAIL = 0.05
"""Fraction of the known sizes that may lie beyond a proposed bound."""
PRICE = 2.0
"""Price in nats: bounds from quantiles do not hold for all images, so none is hard."""

Sizes = Float[np.ndarray, "N C 2"]
"""Smallest and largest fraction of each class in each image; NaN where it is not annotated."""


def known_sizes(samples: Iterable[Sample], classes: Classes) -> Sizes:
    """Sizes by image and class.

    Exact where every valid pixel is labelled, else as annotated.
    """
    return np.array([_sizes(sample, classes) for sample in samples]).reshape(-1, len(classes), 2)


def _sizes(sample: Sample, classes: Classes) -> Float[np.ndarray, "C 2"]:
    if sample.valid.any() and (sample.seeds != UNLABELED)[sample.valid].all():
        labelled = np.where(sample.valid, sample.seeds, UNLABELED)
        exact = IntervalSizes(margin=0.0).simulate(labelled, classes, np.random.default_rng(0))
        # An absent class has no interval, but its size is known to be 0.
        return np.where((exact == [0, 1]).all(1, keepdims=True), 0.0, exact)
    return np.where((sample.areas == [0, 1]).all(1, keepdims=True), np.nan, sample.areas)


def propose(sizes: Sizes, background: int | None = None, tail: float = TAIL) -> tuple[Constraint, ...]:
    """Constraints that most known sizes satisfy.

    A fraction `tail` may lie beyond on each side; bounds have two figures, rounded outwards.

    In order, as far as sizes are known: the smallest size of a tagged class; bounds on the background; one bit of size,
    cut at the median; and for each other class its bounds in every image, a lower one only where its size is known in
    every image.
    """
    things = [k for k in range(sizes.shape[1]) if k != background]
    # One rule for all classes and not one for each: few images know the sizes of a rare class.
    present = np.concatenate([_present(sizes[:, k]) for k in things] or [np.zeros((0, 2))])
    rules: list[Constraint] = []
    if len(present):
        rules.append(TaggedClassesPresent(_below(present, tail), PRICE, background))
    if background is not None and len(known := _known(sizes[:, background])):
        rules.append(BackgroundBetween(_below(known, tail), _above(known, tail), PRICE, background))
    if len(present):
        cut = _figures(float(np.median(present.mean(1))), round)
        rules.append(LargeOrSmall(cut, cut, cut, PRICE, background))
    return (*rules, *(rule for k in things for rule in _class_share(sizes, k, tail)))


def _class_share(sizes: Sizes, k: int, tail: float) -> list[ClassShares]:
    """Bounds of one class in every image.

    None for a class that is known nowhere.
    """
    known, present = _known(sizes[:, k]), _present(sizes[:, k])
    if not len(present):
        return []
    weights = tuple(float(k == other) for other in range(sizes.shape[1]))
    lower = _below(known, tail) if len(known) == len(sizes) else 0.0
    upper = _above(present, tail)
    if lower == 0 and upper >= 1:
        return []
    return [ClassShares(weights, lower if lower > 0 else -inf, upper if upper < 1 else inf, PRICE)]


def _known(of_class: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "_ 2"]:
    return of_class[~np.isnan(of_class).any(1)]


def _present(of_class: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "_ 2"]:
    known = _known(of_class)
    return known[known[:, 1] > 0]


def _below(known: Float[np.ndarray, "N 2"], tail: float) -> float:
    return _figures(float(np.quantile(known[:, 0], tail, method="lower")), _down)


def _above(known: Float[np.ndarray, "N 2"], tail: float) -> float:
    return min(_figures(float(np.quantile(known[:, 1], 1 - tail, method="higher")), _up), 1.0)


def _down(value: float) -> int:
    # Rounding of the last digit must not move the bound by a whole figure.
    return floor(value + 1e-6)


def _up(value: float) -> int:
    return ceil(value - 1e-6)


def _figures(share: float, to_whole: Callable[[float], int]) -> float:
    """A fraction rounded to two figures.

    A few images cannot tell more.
    """
    if share <= 0:
        return 0.0
    digits = 1 - floor(log10(share))
    # Through text, because 7 * 10 ** -3 is not 0.007.
    return float(f"{to_whole(share * 10**digits)}e{-digits}")
