"""Proposed bounds are true of the sizes they come from, but for the tails."""

from math import inf

import numpy as np
from cows import CLASSES, image
from hypothesis import given
from hypothesis import strategies as st

from weakseg.constraint_choice.accuracy import satisfied
from weakseg.constraint_choice.propose import known_sizes, propose
from weakseg.constraints import BackgroundBetween, ClassShares, TaggedClassesPresent
from weakseg.constraints.sizes import LargeOrSmall
from weakseg.data.relabel import relabelled


def marked(cows: int, sheep: int = 0):
    """An image whose mask is a training label."""
    sample = image(cows, sheep)
    return relabelled(sample, len(CLASSES), seeds=sample.truth)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 39)), min_size=1, max_size=12))
def test_without_tails_every_mask_obeys_every_proposed_rule(things):
    """Bounds are rounded outwards, so that even the smallest and the largest keep them."""
    rules = propose(known_sizes([marked(*each) for each in things], CLASSES), 0, tail=0.0)

    for rule, found in zip(rules, satisfied(rules, [image(*each) for each in things]), strict=True):
        assert found.obeyed == found.demands, rule


def test_bounds_are_quantiles():
    """Of a hundred sizes from 1 to 100 %, five lie below the lower bound."""
    sizes = np.full((100, 3, 2), np.nan)
    sizes[:, 1] = np.linspace(0.01, 1, 100)[:, None]

    present, bit, share = propose(sizes, 0, tail=0.05)

    assert present == TaggedClassesPresent(0.05, 2.0, 0)
    assert bit == LargeOrSmall(0.5, 0.5, 0.5, 2.0, 0)
    assert share == ClassShares((0.0, 1.0, 0.0), 0.05, 0.96, 2.0)


def test_a_lower_bound_whatever_the_image_needs_sizes_of_every_image():
    """Where a class was sized only in some images, others may be without it."""
    sizes = np.full((2, 3, 2), np.nan)
    sizes[0, 1] = 0.2, 0.3

    *_, share = propose(sizes, 0, tail=0.0)

    assert share == ClassShares((0.0, 1.0, 0.0), -inf, 0.3, 2.0)


def test_a_class_that_is_missing_somewhere_has_no_lower_bound_but_is_large_where_it_is():
    """A full mask without a cow tells that its share is 0."""
    rules = propose(known_sizes([marked(20), marked(0, sheep=30)], CLASSES), 0, tail=0.0)

    assert TaggedClassesPresent(0.2, 2.0, 0) in rules
    assert BackgroundBetween(0.7, 0.8, 2.0, 0) in rules
    assert ClassShares((0.0, 1.0, 0.0), -inf, 0.2, 2.0) in rules


def test_sizes_that_somebody_told_count_like_masks():
    """An interval gives its smallest to lower bounds and its largest to upper ones; the rest stays unknown."""
    areas = np.array([[0, 1], [0.1, 0.4], [0, 1]])

    sizes = known_sizes([relabelled(image(20), 3, areas=areas)], CLASSES)

    assert np.isnan(sizes[0, [0, 2]]).all()
    assert sizes[0, 1].tolist() == [0.1, 0.4]


def test_nothing_known_proposes_nothing():
    """No image, no size."""
    assert propose(np.zeros((0, 3, 2)), 0) == ()
    assert propose(np.full((4, 3, 2), np.nan), None) == ()
