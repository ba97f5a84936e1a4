"""Weak labels that the masks of the same images deny, and what would make both agree."""

import re

import numpy as np
import pytest
from farms import faults, remarks, save, write
from PIL import Image

from weakseg.data.folder.folder import Folder
from weakseg.types import UNLABELED

KEYS = [f"p{number}" for number in range(8)]

NAMES = ("background", "disk", "bar", "unlabeled")


def truth_of(number):
    """A disk of class 1 and a bar of class 2, elsewhere in every image."""
    row, column = np.mgrid[:64, :64]
    truth = np.zeros((64, 64), np.uint8)
    truth[46:58, 4 : 30 + 3 * number] = 2
    truth[(row - 20 - number) ** 2 + (column - 22 - 2 * number) ** 2 < 150] = 1
    return truth


def scribbles_of(truth):
    """A line through the middle of each class."""
    marks = np.full(truth.shape, 255, np.uint8)
    for label in (1, 2):
        rows, columns = np.nonzero(truth == label)
        middle = int(np.median(rows))
        inside = columns[rows == middle]
        marks[middle - 1 : middle + 2, inside.min() + 3 : inside.max() - 2] = label
    marks[2:4, 4:60] = 0
    return marks


@pytest.fixture
def shapes(tmp_path):
    """A folder whose scribbles agree with its masks."""
    rng = np.random.default_rng(0)
    for number, key in enumerate(KEYS):
        truth = truth_of(number)
        save(tmp_path / "images" / f"{key}.png", rng.integers(0, 255, (64, 64, 3), np.uint8))
        save(tmp_path / "masks" / f"{key}.png", truth)
        save(tmp_path / "scribbles" / f"{key}.png", scribbles_of(truth))
    write(tmp_path / "classes.txt", "background", "disk", "bar")
    return tmp_path


def lay_wrongly(root, change, keys=KEYS):
    """Changes scribbles, and nothing else."""
    for key in keys:
        path = root / "scribbles" / f"{key}.png"
        save(path, np.ascontiguousarray(change(np.array(Image.open(path)))))


def agrees(root):
    """Whether every mark that is trained on is right."""
    for sample in Folder(str(root), "all"):
        marked = sample.seeds != UNLABELED
        if not marked.any() or (sample.seeds != sample.truth)[marked].mean() > 0.02:
            return False
    return True


WRONG = {
    "turned by 180 degrees": lambda a: a[::-1, ::-1],
    "turned by a quarter": lambda a: np.rot90(a),
    "turned by a quarter back": lambda a: np.rot90(a, -1),
    "mirrored": lambda a: a[:, ::-1],
    "upside down": lambda a: a[::-1],
    "transposed": lambda a: a.T,
    "transposed along the other diagonal": lambda a: a[::-1, ::-1].T,
    "shifted": lambda a: np.roll(a, (9, -7), (0, 1)),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("keys", [KEYS, KEYS[:3]], ids=["all", "some"])
def test_maps_that_lie_wrongly_are_found_and_the_advice_puts_them_right(shapes, case, keys):
    """The code of the message is run on the files that it names."""
    assert not faults(shapes)
    lay_wrongly(shapes, WRONG[case], keys)
    assert not agrees(shapes)

    (finding,) = faults(shapes).values()
    assert {*finding.keys} <= {*keys}
    code = re.search(r"and `labels = (.*); PIL", finding.fix)[1]
    lay_wrongly(shapes, lambda labels: eval(code, {"numpy": np, "labels": labels}), finding.keys)

    assert not faults(shapes)


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 2, 0), (2, 1, 0)])
def test_exchanged_classes_are_found_and_the_advice_numbers_them_rightly(shapes, order):
    """All of them or two; masks keep their numbers."""
    lay_wrongly(shapes, lambda a: np.where(a == 255, 255, np.array([*order, *[255] * 253], np.uint8)[a]))

    (finding,) = faults(shapes).values()
    assert "numbered otherwise" in finding.found
    (line,) = re.findall(r"`(values = [^`]+)`", finding.fix)
    write(shapes / "dataset.toml", "[scribbles]", line)

    assert not faults(shapes)
    assert agrees(shapes)


def test_a_slip_of_the_pen_is_none(shapes):
    """Annotators err by a few pixels at the edges."""
    lay_wrongly(shapes, lambda a: np.roll(a, 1, 0))

    assert not faults(shapes)


def test_labels_of_another_image_are_found_without_a_cause(shapes):
    """Nothing that is done to all of them would make them agree."""
    rng = np.random.default_rng(1)
    lay_wrongly(shapes, lambda a: rng.choice(np.array([0, 1, 2, 255], np.uint8), a.shape, p=[0.1, 0.1, 0.1, 0.7]))

    (finding,) = faults(shapes).values()

    assert finding.file == shapes / "scribbles"
    assert "would agree" not in finding.found
    assert "redraw or export again" in finding.fix


def test_marks_of_two_images_that_were_exchanged_are_a_remark(shapes):
    """They are few among all marks; the two images are named."""
    one, other = (shapes / "scribbles" / f"{key}.png" for key in ("p0", "p7"))
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)

    assert not faults(shapes)
    assert remarks(shapes)["scribbles"].keys == ("p0", "p7")
    assert "most in 2 of 8 images: p0, p7" in remarks(shapes)["scribbles"].found


def test_clicks_that_count_rows_from_below_are_found(shapes):
    """Most of them hit the same class all the same."""
    rows = ["{0},disk,{1},{2}", "{0},background,2,2", "{0},background,60,30", "{0},background,60,20"]
    places = [(key, 22 + 2 * number, 20 + number) for number, key in enumerate(KEYS)]
    write(shapes / "clicks.csv", "image,class,x,y", *(row.format(*place) for place in places for row in rows))
    assert not faults(shapes)

    below = [(key, x, 63 - y) for key, x, y in places]
    write(shapes / "clicks.csv", "image,class,x,y", *(row.format(*place) for place in below for row in rows))
    assert "mirrored, top for bottom" in faults(shapes)["clicks.csv"].found


@pytest.mark.parametrize("table", ["tags.csv", "clicks.csv", "boxes.csv", "sizes.csv"])
def test_tables_are_compared_too(shapes, table):
    """Each says of all images what the masks deny."""
    head, row = {
        "tags.csv": ("image,present,absent", "{},,disk"),
        "clicks.csv": ("image,class,x,y", "{},disk,60,2"),
        "boxes.csv": ("image,class,left,top,right,bottom", "{},disk,50,1,60,9"),
        "sizes.csv": ("image,class,min,max", "{},disk,0.4,0.9"),
    }[table]
    for path in (shapes / "scribbles").iterdir():
        path.unlink()
    (shapes / "scribbles").rmdir()
    write(shapes / table, head, *(row.format(key) for key in KEYS), *([f"{KEYS[0]},bar,5,50"] * (table[0] == "c")))

    assert any(name == table and "contradict the mask" in fault.found for name, fault in faults(shapes).items())


@pytest.mark.parametrize("case", ["transposed", "mirrored", "shifted", "turned by 180 degrees"])
def test_painted_maps_keep_their_colours_when_they_are_moved(shapes, case):
    """Palettes in the order of a paint program, whose indices are no classes, beside maps of numbers."""
    paint = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255], [9, 9, 9]], np.uint8)
    table = ["[colours]", *(f'{name} = "#{bytes(c).hex()}"' for name, c in zip(NAMES, paint, strict=True))]
    write(shapes / "dataset.toml", *table)

    def painted(labels, path):
        order = [3, 2, 0, 1]
        image = Image.fromarray(np.argsort(order).astype(np.uint8)[np.where(labels == 255, 3, labels)])
        image.putpalette(paint[order].tobytes())
        image.save(path)

    for key in KEYS:
        path = shapes / "scribbles" / f"{key}.png"
        labels = np.ascontiguousarray(WRONG[case](np.array(Image.open(path))))
        painted(labels, path) if key != KEYS[0] else save(path, labels)
    (finding,) = faults(shapes).values()

    for key in finding.keys:
        given = {"PIL": __import__("PIL.Image"), "numpy": np, "file": shapes / "scribbles" / f"{key}.png"}
        for code in re.findall("`([^`]+)`", finding.fix):
            exec(code, given)

    assert not faults(shapes)
    assert agrees(shapes)
