"""YOLO's files, as programs and their users write them."""

import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read

from weakseg.formats.entry import Entry
from weakseg.formats.sets.yolo import YOLO
from weakseg.formats.tree import FileTree
from weakseg.marks.shapes import Box, Point, Polygon

NAMES = "names: ['cat', 'dog']\n"
FILES = {"labels/a.txt": "0 .5 .5 .1 .1\n1 .1 .1 .2 .1 .2 .2\n", "data.yaml": "names: [cat, dog]"}
"""A small set of its files, for the contract test."""


def written(folder, texts, names=NAMES):
    """What is read of text files by name, with a data.yaml above them; images are 100 wide and 80 high."""
    if names:
        (folder / "data.yaml").write_text(names)
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return read(YOLO, folder)


def marks(folder, text, names=NAMES):
    """The marks of one file."""
    return marks_of(written(folder, {"labels/a.txt": text}, names))


def reasons(annotations):
    """Why something was ignored."""
    return [each.reason for each in annotations.ignored]


def test_a_box_is_its_centre_and_sides(tmp_path):
    """Fractions of the image, x first."""
    (mark,) = marks(tmp_path, "1 0.5 0.25 0.2 0.5\n")

    assert (mark.label, mark.shape) == ("dog", Box(0, 40, 40, 60))


def test_other_corners_are_polygons(tmp_path):
    """Among them four corners are a polygon as well."""
    three, four = marks(tmp_path, "0 0 0 .1 0 .1 .1\n1 0 0 .1 0 .1 .1 0 .1")

    assert isinstance(three.shape, Polygon)
    assert isinstance(four.shape, Polygon)
    assert three.shape.parts[0][0].tolist() == [[0, 0], [0, 10], [8, 10]]


def test_four_corners_everywhere_are_rotated_boxes(tmp_path):
    """A polygon would label what lies between the object and its box."""
    annotations = written(tmp_path, {"labels/a.txt": "0 .2 .1 .3 .225 .2 .35 .1 .225", "labels/b.txt": "0 .5 .5 .1 .1"})

    rotated, upright = marks_of(annotations)
    assert rotated.kind == "rotated_box"
    assert rotated.shape.degrees == pytest.approx(45)
    assert upright.kind == "box"
    assert "rotated boxes" in annotations.notes[0]


def test_key_points_are_told_by_the_declaration(tmp_path):
    """Those that are hidden or were not marked are none."""
    line = "0 .5 .5 .2 .2 .1 .1 2 .2 .2 1 0 0 0"
    box, point = marks(tmp_path, line, NAMES + "kpt_shape: [3, 3]\n")
    assert box.shape == Box(32, 40, 48, 60)
    assert point.shape == Point(8, 10)

    pairs = marks(tmp_path, "0 .5 .5 .2 .2 .1 .1 .2 .2", NAMES + "kpt_shape: [2, 2]\n")
    assert [mark.kind for mark in pairs] == ["box", "point", "point"]


def test_labels_are_beside_images_or_mirror_them(tmp_path):
    """The last folder called labels counts."""
    texts = {"labels/labels/b.txt": "0 .5 .5 .1 .1", "c.txt": "0 .5 .5 .1 .1"}

    assert [image.name for image in written(tmp_path, texts).images] == ["c", "labels/images/b"]


def test_an_empty_file_is_an_image_without_marks(tmp_path):
    """It lies in a folder called labels; elsewhere it is only an empty file."""
    annotations = written(tmp_path, {"labels/a.txt": "", "notes.txt": ""})

    assert [image.name for image in annotations.images] == ["images/a"]
    assert not annotations.images[0].absent


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "names:\n  0: cat\n  1: dog\n"),
        ("data.yaml", "path: x\nnc: 2\nnames:\n- cat\n- dog\n"),
        ("coco8.yml", "names: {0: cat, 1: dog}"),
        ("classes.txt", "cat\r\ndog\r\n\r\n"),
        ("labels/classes.txt", "\ufeffcat\ndog"),
        ("obj.names", "cat\ndog\n"),
    ],
)
def test_names_are_found(tmp_path, name, text):
    """In the nearest folder that has them."""
    annotations = written(tmp_path, {"labels/a.txt": "1 .5 .5 .1 .1", name: text}, names="")

    assert marks_of(annotations)[0].label == "dog"
    assert annotations.classes == ("cat", "dog")
    assert annotations.used == (name,)


def test_a_single_file_has_its_names_beside_it(tmp_path):
    """As labelImg leaves them."""
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "a.txt").write_text("1 .5 .5 .1 .1\n")
    annotations = YOLO.read([Entry(FileTree(tmp_path / "a.txt"), "a.txt")], lambda name: (80, 100))

    assert marks_of(annotations)[0].label == "dog"


def test_what_becomes_no_mark_has_a_reason(tmp_path):
    """And the rest of the file is read."""
    lines = (
        "7 .5 .5 .1 .1",
        "0 .5 .5 0 .1",
        "0 .5 x .1 .1",
        "0.5 .5 .5 .1 .1",
        "0 .5 nan .1 .1",
        "0 .5",
        "-1 .5 .5 .1 .1",
    )
    annotations = written(tmp_path, {"labels/a.txt": "\n".join(("0 .5 .5 .1 .1", *lines))})

    assert len(marks_of(annotations)) == 1
    expected = ("does not name", "is empty", "damaged", "whole number", "fractions", "even count", "does not name")
    found = sorted(annotations.ignored, key=lambda each: each.place)
    assert all(part in each.reason for part, each in zip(expected, found, strict=True))


def test_images_that_are_not_there_are_named(tmp_path):
    """Fractions of an unknown size are no coordinates."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 .5 .5 .1 .1")
    annotations = read(YOLO, tmp_path, sizes=lambda name: None)

    assert "no image called images/a" in reasons(annotations)[0]


class TestWhatUsersDo:
    """Files that break other readers."""

    def test_pixels_are_written_for_fractions(self, tmp_path):
        """The line is ignored (yolov5 issue 3656); a little beyond the image is usual."""
        annotations = written(tmp_path, {"labels/a.txt": "0 50 40 10 8\n0 .99 .5 .1 .1"})

        assert [mark.shape.right for mark in marks_of(annotations)] == [pytest.approx(104)]
        assert "where fractions of the image are expected" in reasons(annotations)[0]

    def test_classes_are_fractions(self, tmp_path):
        """numpy.savetxt writes them so."""
        assert marks(tmp_path, "1.000000000000000000e+00 .5 .5 .1 .1")[0].label == "dog"

    def test_lines_are_there_twice_and_ends_are_of_windows(self, tmp_path):
        """Two exports were joined."""
        annotations = written(tmp_path, {"labels/a.txt": "0 .5 .5 .1 .1\r\n\r\n0 .5 .5 .1 .1 \r\n"})

        assert len(marks_of(annotations)) == 1
        assert reasons(annotations) == ["it is there twice"]

    def test_predictions_are_taken_for_labels(self, tmp_path):
        """They have a confidence at the end."""
        annotations = written(tmp_path, {"labels/a.txt": "0 .5 .5 .1 .1 .87"})

        assert not marks_of(annotations)
        assert "confidence" in reasons(annotations)[0]

    def test_classes_are_called_yes_and_no(self, tmp_path):
        """Which are true and false in YAML, as 1 and 1.0 are numbers."""
        annotations = written(tmp_path, {"labels/a.txt": "0 .5 .5 .1 .1\n1 .5 .5 .1 .1"}, "names: [no, 1.0]")

        assert [mark.label for mark in marks_of(annotations)] == ["no", "1.0"]

    @pytest.mark.parametrize("names", ["", "names: [", "nc: 2"])
    def test_the_names_are_missing(self, tmp_path, names):
        """Classes are called by their numbers then, which `dataset.toml` can name."""
        annotations = written(tmp_path, {"labels/a.txt": "1 .5 .5 .1 .1"}, names)

        assert marks_of(annotations)[0].label == "1"
        assert "by their numbers" in annotations.notes[0]


def test_names_that_expand_are_not_expanded(tmp_path):
    """A billion laughs in a declaration."""
    lists = "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    annotations = written(tmp_path, {"labels/a.txt": "1 .5 .5 .1 .1"}, f"a0: &a0 [x]\n{lists}names: *a8\n")

    assert marks_of(annotations)[0].label == "1"


@needs_samples
def test_real_files_are_read():
    """Of Roboflow; and the lines that Label Studio's own tests expect."""
    annotations = read(YOLO, SAMPLES / "roboflow" / "yolo", sizes=lambda name: (5, 10))

    assert annotations.classes == ("label_0", "label_1")
    boxes = [mark.shape for mark in marks_of(annotations)]
    assert [round(edge, 9) for edge in (boxes[0].top, boxes[0].left, boxes[0].bottom, boxes[0].right)] == [1, 2, 2, 5]
    assert len(boxes) == 3
