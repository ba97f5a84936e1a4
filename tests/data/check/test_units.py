"""Tables in other units than pixels are told of as a whole, and following the message makes them right."""

import shutil

import numpy as np
import pytest
from farms import TABLES, faults, save, write
from hypothesis import given, settings
from hypothesis import strategies as st

from weakseg.data.check.check import check
from weakseg.data.check.units import Measured, unit_of_boxes, unit_of_clicks
from weakseg.data.folder.folder import Folder
from weakseg.errors import DataInvalid
from weakseg.recipe.default import choose

WIDTH, HEIGHT, COUNT = 320, 240, 12
HEADERS = {name: TABLES[name][0] for name in ("boxes.csv", "clicks.csv")}


@pytest.fixture
def large_farm(tmp_path):
    """Twelve images of 320 x 240, with nothing but tables; returns the folder and boxes in pixels."""
    generator, boxes = np.random.default_rng(4), []
    for number in range(COUNT):
        pixels = generator.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
        save(tmp_path / "images" / f"p{number}.png", pixels)
        left, top = generator.integers(40, 120), generator.integers(60, 100)
        boxes.append((left, top, left + generator.integers(20, 180), top + generator.integers(20, 120)))
    write(tmp_path / "classes.txt", "background", "cow")
    return tmp_path, np.array(boxes, float)


def _write(root, name, rows):
    told = [f"p{n % COUNT},cow,{','.join(f'{number:.6g}' for number in row)}" for n, row in enumerate(rows)]
    write(root / name, HEADERS[name], *told)
    if name == "clicks.csv":
        background = [f"p{n},background,{row[0] * 0.9:.6g},{row[1] * 0.9:.6g}" for n, row in enumerate(rows[:2])]
        write(root / name, HEADERS[name], *told, *background)


SCALE = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])


def _as_sizes(boxes):
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def _as_centres(boxes):
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)


MADE = {
    "shares": (lambda b: b / SCALE, "multiply left and right by the image's width, top and bottom by"),
    "percent": (lambda b: 100 * b / SCALE, "the image's width / 100"),
    "sizes": (_as_sizes, "write left + width into the column `right`, and top + height into `bottom`"),
    "sizes in shares": (lambda b: _as_sizes(b) / SCALE, "left + width"),
    "centres in shares": (lambda b: _as_centres(b) / SCALE, "x - width / 2"),
}


@pytest.mark.parametrize("unit", MADE)
def test_boxes_in_another_unit_are_one_fault(large_farm, unit):
    """One message, with the conversion, however many rows would be wrong by themselves."""
    root, boxes = large_farm
    _write(root, "boxes.csv", boxes)
    assert not check(str(root)).findings

    _write(root, "boxes.csv", MADE[unit][0](boxes))

    told = [finding for finding in check(str(root)).findings if not finding.remark]
    assert [finding.file.name for finding in told] == ["boxes.csv"]
    assert MADE[unit][1] in told[0].fix


FOLLOWED = {
    "shares": lambda r: r * SCALE,
    "percent": lambda r: r * SCALE / 100,
    "sizes": lambda r: np.stack([r[:, 0], r[:, 1], r[:, 0] + r[:, 2], r[:, 1] + r[:, 3]], 1),
}


@pytest.mark.parametrize("unit", FOLLOWED)
def test_what_the_message_says_gives_the_boxes_that_were_meant(large_farm, unit):
    """Its conversion, followed to the letter."""
    root, boxes = large_farm
    _write(root, "boxes.csv", FOLLOWED[unit](MADE[unit][0](boxes)))

    assert not check(str(root)).findings
    folder = Folder(str(root), "all")
    read = np.array([folder[folder.keys.index(f"p{n}")].boxes[0, [2, 1, 4, 3]] for n in range(COUNT)])
    np.testing.assert_allclose(read, boxes, atol=1e-3)


@pytest.mark.parametrize(("whole", "said"), [(1, "the image's width and y"), (100, "the image's width / 100")])
def test_clicks_in_another_unit_are_one_fault(large_farm, whole, said):
    """In shares and in percent; a training that nobody checked refuses them too."""
    root, boxes = large_farm
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    _write(root, "clicks.csv", centres.round())
    assert not faults(root)
    choose(str(root), "unet")

    _write(root, "clicks.csv", whole * centres / SCALE[:2])

    assert said in faults(root)["clicks.csv"].fix
    with pytest.raises(DataInvalid, match="pixels, counted from 0"):
        choose(str(root), "unet")


def test_small_images_and_single_clicks_alarm_nobody(tmp_path):
    """A click on the first pixel, in images of a few pixels or with one click in the table."""
    for number in range(6):
        save(tmp_path / "images" / f"p{number}.png", np.full((40, 40), 9 * number, np.uint8))
        save(tmp_path / "masks" / f"p{number}.png", np.eye(40, dtype=np.uint8))
    write(tmp_path / "classes.txt", "background", "cow")
    write(tmp_path / "clicks.csv", HEADERS["clicks.csv"], "p0,cow,1,1", "p1,background,0,0", "p2,background,0,0")
    assert not faults(tmp_path)

    write(tmp_path / "clicks.csv", HEADERS["clicks.csv"], "p0,cow,0.5,0.5")
    shutil.rmtree(tmp_path / "masks")
    assert "clicks.csv" not in faults(tmp_path)


_rows = st.lists(st.tuples(*[st.integers(0, 1000)] * 4), min_size=1, max_size=30)


@settings(max_examples=200)
@given(_rows, st.integers(8, 1000), st.integers(8, 1000))
def test_boxes_and_clicks_in_pixels_alarm_nobody(rows, width, height):
    """Wherever they lie in images of whatever size."""
    rows = np.array(rows, float)
    ends = np.sort(rows.reshape(-1, 2, 2), axis=1) % [width - 2, height - 2]
    ends = np.sort(ends, axis=1)
    ends[:, 1] += 2
    boxes, images = ends.reshape(-1, 4), np.arange(len(rows))
    sizes = np.tile([float(width), float(height)], (len(rows), 1))

    assert unit_of_boxes(Measured(boxes, images, sizes)) is None
    assert unit_of_clicks(Measured(boxes[:, :2], images, sizes)) is None
