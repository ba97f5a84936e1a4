"""What marks become, and what is said of those that become nothing."""

import numpy as np
import pytest

from weakseg.errors import DataInvalid
from weakseg.marks.labels import LEFT_OUT, LINE_WIDTH_PX, labels_of
from weakseg.marks.mark import ImageMarks, Mark
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Plain, Point, Polygon
from weakseg.marks.uses import Uses
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

SIZE = (8, 10)
SQUARE = Polygon(((np.array([(1, 1), (1, 4), (4, 4), (4, 1)], float),),))
SHAPES = {
    "point": Point(2.5, 3.5),
    "line": Line(np.array([(0.5, 0.5), (0.5, 8.5)])),
    "polygon": SQUARE,
    "box": Box(1, 2, 5, 9),
    "rotated_box": Box(1, 2, 5, 9, 45),
    "ellipse": Ellipse(4, 5, 2, 3),
    "mask": Mask(3, 3, 2, 2, Plain(np.eye(2, dtype=bool))),
}


def index(name):
    """Classes of the tests."""
    if name not in ("sky", "dog", "cat"):
        raise DataInvalid(f"no class '{name}'")
    return ("sky", "dog", "cat").index(name)


def labelled(*marks, uses=None, **tags):
    """The labels of an image with these marks."""
    return labels_of(ImageMarks("image", marks=marks, **tags), SIZE, 3, index, uses or Uses())


def drawn(kind, uses=None):
    """The labels of a dog drawn as one shape."""
    return labelled(Mark("dog", SHAPES[kind], source="mark 1"), uses=uses)


def test_a_point_is_a_click_on_the_pixel_it_lies_in():
    """The pixel is found by rounding down, never to the nearest."""
    (click,) = drawn("point").clicks

    assert (click.label, click.points.tolist(), click.width_px) == (1, [[2, 3]], 1)


def test_a_line_is_a_scribble_through_pixel_centres():
    """Strokes have centres at integers, marks at halves; the file's width holds where there is one."""
    usual = drawn("line").seeds
    wide = labelled(Mark("dog", SHAPES["line"], width_px=7)).seeds

    assert (usual[:2, :9] == 1).all()
    assert (usual[2:] == UNLABELED).all()
    assert (np.flatnonzero((wide == 1).any(1)) == range(4)).all()
    assert LINE_WIDTH_PX == 3


def test_lines_lie_on_top_of_areas():
    """Also of those that were drawn later."""
    seeds = labelled(Mark("dog", SHAPES["line"]), Mark("cat", Polygon(((SHAPES["box"].corners(),),)))).seeds

    assert (seeds[1, 2:9] == 1).all()
    assert (seeds[2:5, 2:9] == 2).all()


def test_areas_label_what_lies_inside_and_nothing_else():
    """Outside a polygon nothing is known."""
    seeds = drawn("polygon").seeds

    assert (seeds[1:4, 1:4] == 1).all()
    assert (seeds == 1).sum() == 9
    assert (seeds[seeds != 1] == UNLABELED).all()


def test_a_box_fills_nothing():
    """It is a constraint, and is cut at the image's sides."""
    labels = labelled(Mark("dog", Box(-3, 2, 5, 90)))

    assert labels.boxes == [[1, 0, 2, 5, 10]]
    assert (labels.seeds == UNLABELED).all()


def test_a_rotated_box_says_that_the_class_is_there():
    """No constraint for it exists, and an object rarely fills it."""
    labels = drawn("rotated_box")

    assert labels.tags.tolist() == [UNTOLD, PRESENT, UNTOLD]
    assert not labels.boxes
    assert (labels.seeds == UNLABELED).all()


@pytest.mark.parametrize("kind", ["polygon", "box", "rotated_box", "ellipse", "mask"])
def test_any_area_can_become_a_box_around_it(kind):
    """The smallest upright one."""
    ((_, top, left, bottom, right),) = drawn(kind, Uses(**{kind: "box"})).boxes
    seeds = drawn(kind, Uses(**{kind: "region"})).seeds
    rows, columns = np.nonzero(seeds == 1)

    assert top <= rows.min() < rows.max() < bottom
    assert left <= columns.min() < columns.max() < right


def test_later_marks_cover_earlier_ones():
    """As they do on the screen."""
    seeds = labelled(Mark("dog", SQUARE), Mark("cat", SHAPES["mask"])).seeds

    assert seeds[3, 3] == 2
    assert (seeds == 1).sum() == 8


def test_a_class_may_have_uses_of_its_own():
    """One line of the declaration changes one class."""
    uses = Uses(exceptions=(("dog", "polygon", "box"),))
    labels = labelled(Mark("dog", SQUARE), Mark("cat", SQUARE), uses=uses)

    assert len(labels.boxes) == 1
    assert (labels.seeds == 2).sum() == 9


def test_names_of_a_file_are_translated():
    """To a class, or to nothing."""
    uses = Uses(names=(("Hund", "dog"), ("ruler", "ignore")))
    labels = labelled(*(Mark(name, SQUARE) for name in ("Hund", "ruler")), uses=uses, present=("Hund", "ruler"))

    assert (labels.seeds == 1).sum() == 9
    assert labels.tags.tolist() == [UNTOLD, PRESENT, UNTOLD]
    assert labels.became == ["region", "ignore"]
    assert not labels.problems


@pytest.mark.parametrize("name", ["dog ", " dog", "d\u00f6g", "do\u0308g"])
def test_names_that_look_alike_are_one_class(name):
    """Spaces at the ends, and accents as letters of their own, are what another keyboard makes of a name."""
    uses = Uses(names=(("d\u00f6g", "dog"),))

    assert uses.class_of(name) == "dog"


def test_what_each_mark_became_is_counted():
    """A mark that is left out is not counted as what it should have become."""
    marks = [Mark("dog", SQUARE), Mark("dog", Point(50, 2)), Mark("cow", SQUARE), Mark("cat", Box(0, 0, 2, 2))]
    labels = labelled(*marks, Mark("cat", Point(7.5, 0.5)))

    assert labels.became == ["region", LEFT_OUT, LEFT_OUT, "tag", "click"]


def test_tags_are_taken_and_must_not_contradict():
    """What is said twice must be the same."""
    assert labelled(present=("dog",), absent=("cat",)).tags.tolist() == [UNTOLD, PRESENT, ABSENT]
    (problem,) = labelled(present=("dog",), absent=("dog",)).problems
    assert "both present and absent" in problem.found


def test_boxes_that_miss_a_mark_of_their_class_are_tags():
    """A box says that its class lies in boxes alone, which the mark contradicts."""
    beside, within = Mark("dog", Point(7.5, 0.5)), Mark("dog", Point(2.5, 3.5))
    labels = labelled(Mark("dog", SHAPES["box"]), Mark("cat", Box(0, 0, 2, 2)), beside)

    assert [box[0] for box in labels.boxes] == [2]
    assert labels.tags.tolist() == [UNTOLD, PRESENT, UNTOLD]
    assert "became its tag" in labels.problems[0].found
    assert len(labelled(Mark("dog", SHAPES["box"]), within).boxes) == 1


def test_a_box_is_widened_where_its_object_leaves_it_by_a_slip():
    """Two pixels at most: the box claims that the class lies in it alone."""
    ((_, *sides),) = labelled(Mark("dog", Box(2, 2, 4, 4)), Mark("dog", SQUARE)).boxes
    ((_, *beside),) = labelled(Mark("dog", Box(2.5, 2, 4, 4)), Mark("dog", Point(0.5, 3.5))).boxes

    assert sides == [1, 1, 4, 4]
    assert beside == [0, 2, 4, 4]


def test_of_two_classes_clicked_on_a_pixel_the_last_holds():
    """And it is reported."""
    labels = labelled(*(Mark(name, Point(2.5, 3.5)) for name in ("dog", "cat")))

    assert [click.label for click in labels.clicks] == [2]
    assert "clicked again as another class" in labels.problems[0].found


@pytest.mark.parametrize(
    "shape", [Point(8.5, 2), Line(np.full((2, 2), 30.0)), Box(9, 0, 12, 4), Ellipse(50, 50, 2, 2)], ids=str
)
def test_what_lies_outside_is_reported(shape):
    """With the place of the mark, and the others are kept."""
    labels = labelled(Mark("dog", shape, source="file, mark 3"), Mark("cat", SQUARE))

    assert labels.problems[0].found.startswith("file, mark 3: ")
    assert (labels.seeds == 2).sum() == 9


def test_a_point_on_the_last_edge_is_of_the_last_pixel():
    """A hundred percent of the width is still in the image."""
    assert labelled(Mark("dog", Point(8, 10))).clicks[0].points.tolist() == [[7, 9]]


def test_unknown_classes_are_reported():
    """By the legend's own message."""
    (problem,) = labelled(Mark("cow", SQUARE)).problems

    assert "no class 'cow'" in problem.found


def test_a_kind_becomes_what_it_can():
    """All mistakes of a declaration are reported at once."""
    with pytest.raises(DataInvalid) as caught:
        Uses(point="region", line="box", exceptions=(("dog", "point", "box"),))

    assert len(caught.value.problems) == 3
