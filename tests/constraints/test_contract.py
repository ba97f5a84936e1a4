"""What each rule asks, on whole images, crops and coarse grids.

A published rule is here by itself, with its defaults; where those are not true of every scene, or a setting is needed,
with the `EXAMPLES` of its own test file.
"""

import subprocess
import sys
from dataclasses import dataclass, replace
from math import inf, nan
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from batches import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st
from published import missing, published, with_examples
from torch.nn import functional as F

from weakseg import WeakLabels
from weakseg.constraints import (
    All,
    BackgroundBetween,
    BoxesFilled,
    BoxesTight,
    ClassShares,
    NothingOutsideBoxes,
    OfEachView,
    RatioBetween,
    SizesWithin,
    TaggedClassesPresent,
    UntaggedClassesAbsent,
)
from weakseg.constraints.cells import cells_of
from weakseg.constraints.linear_rows import LinearRows, class_row, deletion, dense_row
from weakseg.constraints.sizes import LargeOrSmall
from weakseg.data.sample import Sample
from weakseg.data.view import view, whole
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.grids.pooling import classes_per_cell, share_per_cell
from weakseg.papers import paper_boxes, paper_tags
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

CLASSES, SIZE = 4, (16, 24)


@dataclass(frozen=True)
class WhereItIs:
    """A rule of one's own about a place: a class lies in a box of the whole image alone."""

    label: int
    box: tuple[float, float, float, float]

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """Deleted from the cells that the box does not touch."""
        found = []
        for cells in cells_of(weak, grid):
            forbidden = torch.zeros((len(cells.tags), *grid), dtype=torch.bool)
            forbidden[self.label] = (cells.cover(cells.here(torch.tensor(self.box))) == 0) & (cells.valid > 0)
            found.append(deletion(torch.zeros(len(cells.tags), dtype=torch.bool), forbidden, grid))
        return found


TRUE = [
    TaggedClassesPresent(share=0.01),
    UntaggedClassesAbsent(),
    SizesWithin(),
    LargeOrSmall(0.2, 0.2, 0.2),
    BackgroundBetween(0.02, 0.98),
    RatioBetween(1, 2, 0.05, 20.0),
    BoxesFilled(share=0.1),
    NothingOutsideBoxes(),
    BoxesTight(),
    ClassShares((0.0, 1.0, 2.0, 0.0), 0.02, 1.9),
    WhereItIs(1, (0.0, 0.0, 16.0, 8.0)),
]
"""Rules that every scene below obeys."""
RULES = [kind for kind in published("rows") if kind not in (All, OfEachView)]
"""All but what joins rules, and what holds them against crops that they are not true of."""
TRUE += with_examples(RULES, TRUE)


def scene(seed: int) -> Sample:
    """An image of a background and one box-like thing of each other class, all labels true; class 3 may be absent."""
    draw = np.random.default_rng(seed)
    truth, boxes = np.zeros(SIZE, int), []
    for k in range(1, CLASSES if seed % 2 else CLASSES - 1):
        top, left = draw.integers(0, 8), 8 * (k - 1) + draw.integers(0, 3)
        height, width = draw.integers(4, 8), draw.integers(3, 6)
        inside = truth[top : top + height, left : left + width]
        row, column = np.mgrid[:height, :width] + 0.5
        inside[((row / height - 0.5) ** 2 + (column / width - 0.5) ** 2) < 0.3] = k
        found = np.argwhere(truth == k)
        boxes.append([k, *found.min(0), *(found.max(0) + 1)])
    share = np.bincount(truth.ravel(), minlength=CLASSES) / truth.size
    bit = np.where(share >= 0.2, 1, 0)
    return Sample(
        key=str(seed),
        image=np.zeros((1, *SIZE), np.float32),
        seeds=np.full(SIZE, UNLABELED),
        valid=np.ones(SIZE, bool),
        strokes=(),
        tags=np.where(share > 0, PRESENT, ABSENT),
        areas=np.stack([bit * 0.2, np.where(bit, 1, 0.2)], 1),
        boxes=np.array(boxes, float),
        truth=truth,
    )


def truth_in(sample: Sample, window, size, grid) -> torch.Tensor:
    """The true mask seen through a window, as shares of the grid's cells (C, h, w)."""
    seen = view(replace(sample, seeds=sample.truth), window, size).weak.seeds
    return torch.stack([share_per_cell(seen == k, grid)[0] for k in range(CLASSES)])


def assert_true(rows, probs, valid):
    """Rows and deletions hold on a segmentation given as shares of whole cells."""
    per_valid = probs / valid.clamp(min=1e-9)
    assert (rows.values(per_valid, valid) >= rows.bounds - 1e-6).all(), rows.names
    assert (probs[rows.absent] == 0).all()
    if rows.forbidden is not None:
        assert (probs[rows.forbidden] == 0).all()


def test_every_published_rule_is_here():
    """One that needs a setting has `EXAMPLES = [...]` in the test file of its module."""
    assert missing(RULES, TRUE) == []


@pytest.mark.parametrize("rule", TRUE, ids=repr)
@pytest.mark.parametrize("grid", [SIZE, (4, 6)])
def test_the_true_mask_obeys_what_its_labels_demand(rule, grid):
    """On the labels' own grid and a coarser one."""
    for seed in range(4):
        sample = scene(seed)
        weak = view(sample, whole(), SIZE).weak
        assert_true(rule.rows(weak, grid)[0], truth_in(sample, whole(), SIZE, grid), torch.ones(grid).double())


@pytest.mark.parametrize("rule", TRUE, ids=repr)
def test_padding_changes_no_demand(rule):
    """A whole image in a batch of larger ones: rows ask the same of the same cells, and the true mask obeys them."""
    padded, grid, larger = (SIZE[0] + 8, SIZE[1] + 4), (4, 6), (6, 7)
    for seed in range(4):
        sample = scene(seed)
        alone = rule.rows(view(sample, whole(), SIZE).weak, grid)[0]
        weak = view(sample, whole(), padded).weak
        rows = rule.rows(weak, larger)[0]
        assert rows.names == alone.names
        torch.testing.assert_close(rows.bounds, alone.bounds)
        torch.testing.assert_close(rows.coefficients()[:, :, :4, :6], alone.coefficients())
        assert torch.equal(rows.absent, alone.absent)
        assert (rows.forbidden is None) == (alone.forbidden is None)
        if rows.forbidden is not None:
            assert torch.equal(rows.forbidden[:, :4, :6], alone.forbidden)
        valid = share_per_cell(weak.valid, larger)[0].double()
        assert_true(rows, truth_in(sample, whole(), padded, larger), valid)


@pytest.mark.parametrize("rule", TRUE, ids=repr)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 50), st.integers(-6, 10), st.integers(-6, 16), st.sampled_from([1.0, 0.5]), st.booleans())
def test_the_true_mask_of_a_crop_obeys_the_crop_s_rows(rule, seed, top, left, zoom, flip):
    """Windows that cut, pad, enlarge and flip; what they do not show is never held against what they do."""
    sample, size = scene(seed), (12, 12)
    window = np.array([[zoom, 0, top], [0, -zoom if flip else zoom, left + (11 * zoom if flip else 0)]], float)
    # Half a pixel keeps every view's pixel centre off the border between two of the image's.
    window[:, 2] += 0.25 * (zoom != 1) * np.array([1, -1 if flip else 1])
    weak = view(sample, window, size).weak
    valid = share_per_cell(weak.valid, (6, 6))[0].double()
    rows = rule.rows(weak, (6, 6))[0]
    assert_true(rows, truth_in(sample, window, size, (6, 6)), valid)


def weak_of(**changes) -> WeakLabels:
    """A whole image of 8 by 8 pixels about which only the changes are known."""
    return replace(batch_of(torch.full((1, 8, 8), UNLABELED)).weak, **changes)


def test_a_tagged_class_covers_its_share_at_its_price():
    """Equation (8): .05 of 64 pixels in cells of 4, at a price of 2; the background left to its own rule."""
    weak = weak_of(tags=torch.tensor([[PRESENT, PRESENT, ABSENT, UNTOLD]]))
    rows = TaggedClassesPresent(background=0).rows(weak, (4, 4))[0]
    assert rows.bounds.tolist() == [pytest.approx(0.05 * 16)]
    assert rows.prices.tolist() == [2.0]
    assert rows.weights.tolist() == [[0, 1, 0, 0]]
    assert rows.regions.numel() == 0


def test_absent_classes_are_deleted_and_unspoken_ones_stay():
    """Equation (7), without a row."""
    rows = UntaggedClassesAbsent().rows(weak_of(tags=torch.tensor([[UNTOLD, PRESENT, ABSENT, ABSENT]])), (8, 8))[0]
    assert rows.absent.tolist() == [False, False, True, True]
    assert len(rows) == 0


def test_a_background_that_is_not_there_has_no_bounds():
    """Else its rows would contradict its deletion, as in the released code."""
    weak = weak_of(tags=torch.tensor([[ABSENT, PRESENT, ABSENT, ABSENT]]))
    assert len(BackgroundBetween().rows(weak, (8, 8))[0]) == 0
    assert len(BackgroundBetween().rows(weak_of(), (8, 8))[0]) == 2


def test_a_image_without_tags_has_no_rows():
    """Nobody said anything, so nothing is demanded."""
    for rule in (TaggedClassesPresent(), UntaggedClassesAbsent(), SizesWithin(), LargeOrSmall(), paper_boxes()):
        rows = rule.rows(weak_of(), (8, 8))[0]
        assert len(rows) == 0
        assert not rows.absent.any()


def test_a_count_on_a_crop_is_what_the_rest_cannot_hold():
    """Three quarters shown: at least l becomes max(0, l - (n - n')), at most u becomes min(n', u)."""
    weak = weak_of(whole_valid=torch.tensor([80]))
    cells = cells_of(weak, (8, 8))[0]
    weights = torch.tensor([0.0, 1, 0, 0]).double()
    assert cells.bounds_here(weights, 0.5, 1.0) == (pytest.approx(40 - 16, abs=1e-4), None)
    assert cells.bounds_here(weights, 0.2, 0.3) == (None, pytest.approx(24, abs=1e-4))
    assert cells.bounds_here(weights, 0.1, 0.9) == (None, None)
    dropped = ClassShares((0.0, 1.0, 0.0, 0.0), 0.1, 0.9).rows(weak, (8, 8))[0]
    assert (len(dropped), dropped.dropped) == (0, 2)
    whole = weak_of()
    for always in (BackgroundBetween(0.0, 0.7), BackgroundBetween(0.3, 1.0)):
        said = always.rows(whole, (8, 8))[0]
        assert (len(said), said.dropped) == (1, 0)


def test_one_bit_of_size_is_a_lower_or_an_upper_bound():
    """Equation (10): large ones at least .1, small ones at most .01; unknown ones nothing."""
    areas = torch.tensor([[[0.1, 1], [0, 0.1], [0, 1], [0.2, 0.3]]])
    rows = LargeOrSmall().rows(weak_of(areas=areas), (8, 8))[0]
    assert rows.weights.tolist() == [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]]
    torch.testing.assert_close(rows.bounds, torch.tensor([6.4, -0.64, 6.4]).double())


def test_equal_bounds_are_an_equation_of_two_rows():
    """At least and at most the same."""
    rows = ClassShares((0.0, 1.0, 1.0, 0.0), 0.25, 0.25).rows(weak_of(), (8, 8))[0]
    torch.testing.assert_close(rows.bounds, torch.tensor([16.0, -16.0]).double())


def test_rows_are_scaled_to_a_largest_coefficient_of_one():
    """So that a price means the same for all."""
    rows = ClassShares((0.0, -40.0, 10.0, 0.0), -20.0).rows(weak_of(), (8, 8))[0]
    assert rows.coefficients().abs().max() == 1
    torch.testing.assert_close(rows.bounds, torch.tensor([-20 * 64 / 40]).double())


def test_a_box_on_a_coarse_grid_covers_cells_in_part():
    """Half-open pixel edges: rows 1 to 5 of cells of two pixels; 75 % of what it covers, in all cells it touches."""
    weak = weak_of(boxes=(torch.tensor([[2.0, 1, 2, 6, 8]]),))
    rows = BoxesFilled().rows(weak, (4, 4))[0]
    torch.testing.assert_close(rows.regions[0][:, 1], torch.tensor([1.0, 1, 1, 0]).double())
    torch.testing.assert_close(rows.bounds, torch.tensor([0.75 * 5 * 6 / 4]).double())
    outside = NothingOutsideBoxes().rows(weak, (4, 4))[0].forbidden
    assert outside is not None
    assert outside[2].tolist() == [[True, False, False, False]] * 3 + [[True] * 4]
    assert not outside[[0, 1, 3]].any()


def test_tightness_has_a_row_for_each_line_of_cells():
    """A box of 4 by 6 pixels: at stride 1 ten lines of one pixel each; at stride 2 five lines of two."""
    weak = weak_of(boxes=(torch.tensor([[1.0, 0, 2, 4, 8]]),))
    fine, coarse = BoxesTight().rows(weak, (8, 8))[0], BoxesTight().rows(weak, (4, 4))[0]
    assert fine.bounds.tolist() == [1.0] * 10
    assert coarse.bounds.tolist() == [0.5] * 5
    assert (fine.coefficients().flatten(1).sum(1).tolist()) == [6.0] * 4 + [4.0] * 6


def test_lines_that_a_crop_cuts_are_dropped():
    """The crossing may lie outside the view."""
    weak = weak_of(boxes=(torch.tensor([[1.0, 2, -3, 4, 5]]),), whole_valid=torch.tensor([90]))
    rows = BoxesTight().rows(weak, (8, 8))[0]
    assert (len(rows), rows.dropped) == (5, 2)


def test_rules_compose_in_order_with_their_regions():
    """Factored rows first, then dense ones; each keeps its map, name, bound and price."""
    weak = weak_of(boxes=(torch.tensor([[2.0, 0, 0, 4, 4], [1, 4, 4, 8, 8]]),), tags=torch.tensor([[1, 1, 1, 0]]))
    both = All((BoxesFilled(price=3.0), BoxesTight())).rows(weak, (8, 8))[0]
    parts = BoxesFilled(price=3.0).rows(weak, (8, 8))[0], BoxesTight().rows(weak, (8, 8))[0]
    torch.testing.assert_close(both.coefficients(), torch.cat([part.coefficients() for part in parts]))
    assert both.names == parts[0].names + parts[1].names
    assert both.prices.tolist() == [3.0] * 2 + [2.0] * 16
    together = paper_tags().rows(weak, (8, 8))[0]
    assert together.absent.tolist() == [False, False, False, True]
    assert together.prices.tolist() == [2.0, 2.0, inf, inf]


def test_an_all_void_image_demands_nothing():
    """No valid pixel, no row."""
    weak = weak_of(valid=torch.zeros((1, 8, 8), dtype=torch.bool), whole_valid=torch.tensor([0]))
    weak = replace(weak, tags=torch.full((1, 4), PRESENT), areas=torch.tensor([[[0.2, 0.3]] * 4]))
    rows = All((paper_tags(), SizesWithin())).rows(weak, (8, 8))[0]
    assert len(rows) == 0


def test_a_background_rule_without_a_background_is_refused():
    """The message says what to do."""
    with pytest.raises(RecipeInvalid, match="without a background class"):
        BackgroundBetween(background=None)


def test_rows_of_different_grids_do_not_add():
    """Found and expected are told."""
    weak = weak_of(tags=torch.tensor([[1, 1, 1, 0]]))
    with pytest.raises(EvidenceInvalid, match=r"(?s)grid of \(4, 4\).*on \(8, 8\)"):
        paper_tags().rows(weak, (8, 8))[0] + paper_tags().rows(weak, (4, 4))[0]


def test_pooled_shares_of_a_grid_add_up():
    """What a mask covers is the mean of its cells."""
    mask = F.one_hot(torch.arange(16), 16).bool()[None]
    assert share_per_cell(mask, (4, 4)).mean() == mask.float().mean()


@pytest.mark.parametrize("size", [(5, 7), (33, 50), (3, 4)])
def test_grids_that_do_not_divide_the_image_count_every_pixel_once(size):
    """Marked and hidden parts of the cells are together what is valid, cell by cell."""
    labels = torch.randint(-1, 3, (2, *size), generator=torch.Generator().manual_seed(0))
    valid, grid = torch.ones_like(labels, dtype=torch.bool), (3, 4)
    marked = classes_per_cell(labels, 3, grid).sum(1)
    torch.testing.assert_close(marked + share_per_cell(labels == UNLABELED, grid), share_per_cell(valid, grid))
    torch.testing.assert_close(share_per_cell(valid, grid).sum((1, 2)), torch.full((2,), 12.0))


@pytest.mark.parametrize("label", [3, -2])
def test_a_label_of_no_class_is_not_counted_in_another_image(label):
    """It is refused; in one sum over all images it would be a class of the next."""
    labels = torch.zeros(2, 4, 4, dtype=torch.long)
    labels[0, 1, 1] = label
    with pytest.raises(EvidenceInvalid, match="0 to 2"):
        classes_per_cell(labels, 3, (2, 2))


@pytest.mark.parametrize("bounds", [(inf, inf), (-inf, -inf), (float("nan"), inf), (0.0, float("nan"))])
def test_bounds_that_are_no_shares_are_refused(bounds):
    """They would else be left out without a word, or break the solver."""
    with pytest.raises(RecipeInvalid, match="on a fraction"):
        ClassShares((0.0, 1.0, 0.0, 0.0), *bounds).rows(weak_of(), (8, 8))


@pytest.mark.parametrize("rule", [RatioBetween(9, 1, 0.5), RatioBetween(1, -1, 0.5), BackgroundBetween(background=4)])
def test_a_rule_about_a_class_that_does_not_exist_is_refused(rule):
    """The message says which class, and how many there are."""
    with pytest.raises(RecipeInvalid, match="of 4"):
        rule.rows(weak_of(), (8, 8))


@pytest.mark.parametrize("label", [-1.0, 4.0])
@pytest.mark.parametrize("rule", [BoxesFilled(), BoxesTight(), NothingOutsideBoxes()])
def test_a_box_of_a_class_that_does_not_exist_is_refused(rule, label):
    """It would else stand for the last class, or break the solver."""
    with pytest.raises(EvidenceInvalid, match="box of image 0"):
        rule.rows(weak_of(boxes=(torch.tensor([[label, 1, 1, 4, 4]]),)), (8, 8))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tags": torch.tensor([[0, 1, 5, -1]])}, r"tag of class 2 in image 0.*is 5"),
        ({"areas": torch.tensor([[[0, 1], [0.2, 1.2], [0, 1], [0, 1]]])}, "size of class 1 in image 0"),
        ({"areas": torch.tensor([[[0, 1], [0, 1], [0, 1], [0.5, 0.4]]])}, "size of class 3 in image 0"),
        ({"boxes": (torch.tensor([[4.0, 0, 0, 2, 2]]),)}, "box of image 0"),
        ({"boxes": (torch.tensor([[1.0, 5, 0, 2, 2]]),)}, "box of image 0"),
        ({"boxes": ()}, "five numbers each"),
    ],
    ids=[
        "a tag of 5",
        "more than the image",
        "least above most",
        "no such class",
        "upside down",
        "boxes of no image",
    ],
)
def test_labels_that_mean_nothing_are_refused(changes, told):
    """A row made of them would teach something that nobody said."""
    constraint = All((UntaggedClassesAbsent(), paper_tags(), SizesWithin()))
    with pytest.raises(EvidenceInvalid, match=told):
        constraint.rows(weak_of(**changes), (8, 8))


def test_a_row_without_a_sound_bound_or_price_is_named():
    """A sceptic must not have to search among hundreds."""
    rows = class_row(torch.eye(4)[1], 3.0, None, 1.0, "size of the heart", grid=(8, 8))
    for change in ({"bounds": torch.tensor([nan], dtype=torch.float64)}, {"prices": -rows.prices}):
        with pytest.raises(EvidenceInvalid, match="'size of the heart at least"):
            replace(rows, **change)


ONE, GRID = torch.eye(4)[1], (8, 8)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: class_row(ONE, 1.0, None, 1.0, "heart"), "'heart' has neither a region nor a grid"),
        (lambda: class_row(ONE, 1.0, None, 1.0, "heart", -torch.ones(GRID)), "region from -1 to -1"),
        (lambda: class_row(ONE * inf, 1.0, None, 1.0, "heart", grid=GRID), "finite number per class"),
        (lambda: dense_row(torch.full((4, *GRID), -inf), 1.0, "heart"), "finite"),
    ],
    ids=["nowhere", "less than nothing", "infinite weight", "infinite"],
)
def test_rows_of_your_own_that_mean_nothing_are_refused(make, told):
    """Some of them would turn a demand around, or end in a target that is no number."""
    with pytest.raises(EvidenceInvalid, match=told):
        make()


SHAPES = """
import torch
from weakseg import Batch, class_row, deletion, dense_row, SizesWithin
from weakseg.errors import EvidenceInvalid
from dataclasses import dataclass, replace
weak = Batch.of(torch.zeros(1, 3, 8, 8), 4).weak
for make in (
    lambda: class_row(torch.ones(4, 8), 1.0, None, 1.0, "heart", grid=(8, 8)),
    lambda: dense_row(torch.ones(8, 8), 1.0, "heart"),
    lambda: deletion(torch.ones(4) > 0, torch.zeros(4, 4, 4, dtype=torch.bool), (8, 8)),
    lambda: SizesWithin().rows(replace(weak, areas=torch.zeros(1, 3, 2)), (8, 8)),
    lambda: SizesWithin().rows(replace(weak, boxes=(torch.zeros(1, 4),)), (8, 8)),
):
    try:
        make()
    except EvidenceInvalid:
        print("refused")
"""


def test_wrong_shapes_are_refused_where_no_type_checker_looks():
    """Outside the tests nothing else would."""
    ran = subprocess.run([sys.executable, "-c", SHAPES], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["refused"] * 5


@pytest.mark.parametrize("given", [[], None, "rows", [class_row(ONE, 1.0, None, 1.0, "a", grid=GRID)] * 2])
def test_a_constraint_gives_rows_for_each_image(given):
    """One `LinearRows` an image, in a list."""
    with pytest.raises(EvidenceInvalid, match="one LinearRows for each of 1 images"):
        All((SimpleNamespace(rows=lambda weak, grid: given),)).rows(weak_of(), GRID)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))
def test_shares_that_round_to_above_one_are_shares(height, width, rows, columns):
    """Boxes as large as the image, on grids that do not divide it."""
    seeds = torch.full((1, height, width), UNLABELED)
    boxes = (torch.tensor([[1.0, -0.3, -0.7, height + 0.1, width + 0.9]]),)
    weak = replace(batch_of(seeds).weak, boxes=boxes)
    grid = (min(rows, height), min(columns, width))
    assert len(All((BoxesFilled(0.75), BoxesTight(), NothingOutsideBoxes())).rows(weak, grid)[0]) > 0


OF_IMAGES = All((UntaggedClassesAbsent(), TaggedClassesPresent(0.05), BackgroundBetween(0.3, 0.7), SizesWithin()))
CORNER = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def test_whole_images_owe_what_they_owe_anyway():
    """Row by row."""
    weak = view(scene(1), whole(), SIZE).weak
    (taken,), (plain,) = OfEachView(OF_IMAGES).rows(weak, (4, 6)), OF_IMAGES.rows(weak, (4, 6))
    assert taken.names == plain.names
    torch.testing.assert_close(taken.bounds, plain.bounds)
    assert torch.equal(taken.coefficients(), plain.coefficients())
    assert torch.equal(taken.absent, plain.absent)


@pytest.mark.parametrize("size", [(8, 8), (24, 30)], ids=["a corner", "beyond the border"])
def test_a_crop_owes_the_same_shares_of_what_it_shows(size):
    """Bounds are the image's, times the valid cells of the crop; the rules alone say less of a part."""
    weak, grid = view(scene(1), CORNER, size).weak, (4, 5)
    cells = float(share_per_cell(weak.valid, grid).sum())
    (taken,) = OfEachView(OF_IMAGES).rows(weak, grid)

    image = OF_IMAGES.rows(view(scene(1), whole(), SIZE).weak, (1, 1))[0]
    assert taken.names == image.names
    torch.testing.assert_close(taken.bounds, image.bounds * cells)
    assert taken.dropped == 0
    assert (OF_IMAGES.rows(weak, grid)[0].dropped > 0) == (size == (8, 8))


def test_it_is_an_assumption():
    """A crop that misses a class does not obey it, where the rules alone ask nothing false of it."""
    sample, size, grid = scene(1), (8, 8), (8, 8)
    weak = view(sample, CORNER, size).weak
    shown, valid = truth_in(sample, CORNER, size, grid), torch.ones(grid).double()
    assert shown[3].sum() == 0, "the corner shows no pixel of class 3"
    (taken,), (true,) = (rule.rows(weak, grid) for rule in (OfEachView(OF_IMAGES), OF_IMAGES))
    assert not (taken.values(shown, valid) >= taken.bounds - 1e-6).all()
    assert (true.values(shown, valid) >= true.bounds - 1e-6).all()


def test_what_is_no_constraint_is_refused():
    """Its class, most of all."""
    with pytest.raises(RecipeInvalid, match="OfEachView"):
        OfEachView(SizesWithin)  # pyright: ignore
