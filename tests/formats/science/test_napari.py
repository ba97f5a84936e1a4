"""napari's tables, as the program and its users write them."""

import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read

from weakseg.formats.science.napari import NAPARI
from weakseg.marks.shapes import Box, Ellipse, Line, Point, Polygon

SHAPES = "index,shape-type,vertex-index,axis-0,axis-1\n"
LINE = SHAPES + "0,path,0,10,20\n0,path,1,30,40\n"
FILES = {"a/dog.csv": SHAPES + "0,path,0,1,2\n0,path,1,3,4\n1,line,0,1,2\n1,line,1,3,4\n"}
"""A small set of its files, for the contract test."""


def table(folder, text, name="a/cat.csv", there=("a",), **options):
    """What is read of a table; images have the names that are there."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, **options)
    return read(NAPARI, folder, sizes=lambda name: (80, 100) if name in there else None)


def shape(folder, kind, *vertices):
    """A shape of one kind."""
    rows = "".join(f"0,{kind},{index},{row},{column}\n" for index, (row, column) in enumerate(vertices))
    (mark,) = marks_of(table(folder, SHAPES + rows))
    return mark.shape


def test_whole_numbers_are_centres_and_rows_come_first(tmp_path):
    """Half a pixel to the edge."""
    (mark,) = marks_of(table(tmp_path, LINE))
    (point,) = marks_of(table(tmp_path, "index,axis-0,axis-1\n0,5,7\n"))

    assert mark.shape.points.tolist() == [[10.5, 20.5], [30.5, 40.5]]
    assert point.shape == Point(5.5, 7.5)


def test_each_kind_has_its_shape(tmp_path):
    """Ellipses are the corners of their box; both may be rotated."""
    corners = [(10, 20), (10, 60), (40, 60), (40, 20)]
    assert shape(tmp_path, "rectangle", *corners) == Box(10.5, 20.5, 40.5, 60.5)
    assert shape(tmp_path, "ellipse", *corners) == Ellipse(25.5, 40.5, 15.0, 20.0)
    assert isinstance(shape(tmp_path, "polygon", *corners), Polygon)
    assert isinstance(shape(tmp_path, "line", *corners[:2]), Line)
    turned = shape(tmp_path, "rectangle", (0, 5), (5, 10), (10, 5), (5, 0))
    assert turned.degrees == pytest.approx(45)


@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("direction", [1, -1])
def test_boxes_begin_at_any_corner(tmp_path, start, direction):
    """And go either way around."""
    corners = [(10, 20), (10, 60), (40, 60), (40, 20)]
    found = shape(tmp_path, "rectangle", *(corners * 2)[start : start + 4][::direction])

    assert found == Box(10.5, 20.5, 40.5, 60.5)


@pytest.mark.parametrize(
    ("name", "there", "image", "label"),
    [
        ("a/cat.csv", ("a",), "a", "cat"),
        ("cat/a.csv", ("cat/a",), "cat/a", "cat"),
        ("a_1_cat.csv", ("a_1", "a"), "a_1", "cat"),
        ("a-big-cat.csv", ("a",), "a", "big-cat"),
        ("unknown.csv", (), "unknown", None),
    ],
)
def test_files_and_folders_name_the_image_and_the_class(tmp_path, name, there, image, label):
    """Either way, and both in one name."""
    annotations = table(tmp_path, LINE, name, there)

    assert annotations.images[0].name == image
    assert marks_of(annotations)[0].label == (label or tmp_path.stem)


def test_a_column_has_the_classes(tmp_path):
    """Of points, which keep their features, and of shapes whose users add it."""
    points = table(tmp_path, "index,axis-0,axis-1,confidence,label\n0,1,2,.5,dog\n1,3,4,.5,\n")
    assert [mark.label for mark in marks_of(points)] == ["dog", "cat"]
    with_class = LINE.replace("axis-1", "axis-1,class").replace(",20\n", ",20,dog\n").replace(",40\n", ",40,dog\n")
    assert [mark.label for mark in marks_of(table(tmp_path, with_class))] == ["dog"]


def test_slices_of_stacks_are_not_the_image(tmp_path):
    """The first is."""
    annotations = table(tmp_path, "index,axis-0,axis-1,axis-2\n0,0.2,5,7\n1,3,5,7\n")

    assert [mark.shape for mark in marks_of(annotations)] == [Point(5.5, 7.5)]
    assert "slice 3" in annotations.ignored[0].reason


class TestWhatUsersDo:
    """Files that break other readers."""

    def test_tables_are_saved_by_pandas_again(self, tmp_path):
        """A column of numbers without a name is before the others."""
        annotations = table(tmp_path, ",index,axis-0,axis-1\n0,0,5,7\n")

        assert marks_of(annotations)[0].shape == Point(5.5, 7.5)

    def test_tables_are_saved_by_a_spreadsheet(self, tmp_path):
        """With a mark of byte order, semicolons and decimal commas."""
        text = "index;axis-0;axis-1;label\r\n0;5,5;7;Hund\r\n;;;\r\n"
        annotations = table(tmp_path, text, encoding="utf-8-sig")

        assert [mark.shape for mark in marks_of(annotations)] == [Point(6.0, 7.5)]

    def test_shapes_are_half_drawn(self, tmp_path):
        """One vertex of a polygon, three corners of a box; the others are kept."""
        box = "2,rectangle,0,1,1\n2,rectangle,1,1,4\n2,rectangle,2,4,4\n"
        annotations = table(tmp_path, LINE + "1,polygon,0,1,1\n" + box + "3,bezier,0,1,1\n4,path\n")

        assert len(marks_of(annotations)) == 1
        assert [each.place.rpartition(" ")[2] for each in annotations.ignored] == ["1", "2", "3", "4"]

    def test_coordinates_are_no_numbers(self, tmp_path):
        """Points at nan are what napari makes of cut rows."""
        annotations = table(tmp_path, "index,axis-0,axis-1\n0,nan,7\n1,,7\n2,1e400,7\n3,1\n")

        assert not marks_of(annotations)
        assert len(annotations.ignored) == 4

    def test_a_layer_is_empty(self, tmp_path):
        """The table has its head alone."""
        annotations = table(tmp_path, SHAPES)

        assert [image.name for image in annotations.images] == ["a"]
        assert not annotations.ignored

    def test_other_tables_are_left_alone(self, tmp_path):
        """Measurements lie beside."""
        assert not table(tmp_path, "index,area\n0,5\n").images


@needs_samples
def test_tables_of_the_program_itself_are_read():
    """Two points, five shapes, and a path on a slice of a stack."""
    annotations = read(NAPARI, SAMPLES / "napari", sizes=lambda name: None)

    kinds = {image.name: [mark.kind for mark in image.marks] for image in annotations.images}
    assert kinds == {"points": ["point"] * 2, "shapes": ["box", "line", "polygon", "line", "ellipse"], "shapes_3d": []}
    assert [mark.label for mark in annotations.images[0].marks] == ["cat", "dog"]
    assert ["slice 3" in each.reason for each in annotations.ignored] == [True]
