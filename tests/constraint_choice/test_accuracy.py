"""How many true masks obey a rule is counted row by row, on the masks' own grid."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from cows import CLASSES, image

from weakseg.constraint_choice.accuracy import Satisfied, satisfied
from weakseg.constraints import (
    All,
    BackgroundBetween,
    ClassShares,
    NothingOutsideBoxes,
    SizesWithin,
    TaggedClassesPresent,
)
from weakseg.constraints.sizes import LargeOrSmall
from weakseg.data.relabel import relabelled
from weakseg.papers import paper_boxes, paper_tags


def test_masks_are_counted_against_the_bound():
    """Half of the images have five cows in a hundred pixels or more; five exactly are enough."""
    images = [image(cows) for cows in (3, 4, 5, 30)]

    assert satisfied([TaggedClassesPresent(0.05, background=0)], images) == [Satisfied(4, 2, 4, 2)]


def test_shares_are_of_what_is_not_void():
    """Four of forty are a tenth, though the image has a hundred pixels."""
    rule = TaggedClassesPresent(0.1, background=0)

    assert satisfied([rule], [image(4, void=60), image(4, void=59)]) == [Satisfied(2, 1, 2, 1)]


def test_every_demand_counts_and_a_image_obeys_only_all_of_them():
    """A deletion is one demand, and each bound is one; what a setting demands is what its parts do."""
    few, many = image(2, sheep=8), image(60)
    rules = paper_tags(background=0).constraints

    absent, present, background = satisfied(rules, [few, many])
    (together,) = satisfied([All(rules)], [few, many])

    assert absent == Satisfied(1, 1, 1, 1)
    assert present == Satisfied(2, 1, 3, 2)
    assert background == Satisfied(2, 1, 4, 3)
    assert together == Satisfied(2, 1, 8, 6)


def test_a_deleted_class_that_is_there_is_a_demand_that_fails():
    """A tag that forgets a cow."""
    forgetful = replace(image(20), tags=np.array([1, 0, 0]))

    assert satisfied([paper_tags(0).constraints[0]], [forgetful]) == [Satisfied(1, 0, 1, 0)]


def test_what_nobody_spoke_of_is_no_image_of_the_rule():
    """Without sizes, boxes or tags there is nothing to obey, nor without a mask."""
    said = image(20)
    silent = relabelled(said, len(CLASSES))
    rules = [SizesWithin(), LargeOrSmall(), paper_boxes(), TaggedClassesPresent()]

    assert satisfied(rules, [silent, replace(said, truth=None)]) == [Satisfied(0, 0, 0, 0)] * 4


@pytest.mark.parametrize("cows", [1, 7, 99])
@pytest.mark.parametrize("size", [7, 23, 101])
def test_exact_sizes_are_obeyed_to_the_last_pixel(cows, size):
    """Rounding of the shares, which are float32, never makes a true size false; one pixel more does."""
    pixels = size * size
    true = image(min(cows, pixels), size=size)
    more = [ClassShares((0.0, 1.0, 0.0), (min(cows, pixels) + 1) / pixels, inf)]

    assert satisfied([SizesWithin()], [true])[0].obeying == 1
    assert satisfied(more, [true])[0].obeying == 0


def test_the_background_is_judged_by_its_own_bounds():
    """Within is obeyed, at either end too."""
    rule = BackgroundBetween(0.2, 0.7)

    found = [satisfied([rule], [image(cows)])[0].obeying for cows in (81, 80, 50, 30, 29)]

    assert found == [0, 1, 1, 1, 0]


def test_a_thing_outside_its_box_is_a_deletion_that_fails():
    """Boxes that hold all of a class are obeyed, one that is too small is not."""
    true = image(20)
    small = replace(true, boxes=np.array([[1.0, 0, 0, 1, 10]]))

    assert satisfied([NothingOutsideBoxes()], [true, small]) == [Satisfied(2, 1, 2, 1)]
