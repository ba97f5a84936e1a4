"""Label Studio's exports, as the program and its users write them."""

import base64
import json
import time
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read, read_json
from PIL import Image

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.formats.tools.label_studio import LABEL_STUDIO
from weakseg.formats.tools.label_studio_brush import BrushRuns
from weakseg.formats.tree import FileTree
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Point, Polygon

SIZE = {"original_width": 200, "original_height": 100, "image_rotation": 0}
POINTS = [[0, 0], [10, 0], [10, 10]]
BOX = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
WITHIN = {"original_width": 9, "original_height": 8, "to_name": "image"}
CONTENT = [
    {
        "id": "a",
        "type": "rectanglelabels",
        "value": {"x": 10, "y": 10, "width": 30, "height": 40, "rotation": 10, "rectanglelabels": ["dog"]},
        **WITHIN,
    },
    {
        "id": "b",
        "type": "polygonlabels",
        "value": {"points": [[10, 10], [20, 90]], "closed": False, "polygonlabels": ["cat"]},
        **WITHIN,
    },
    {
        "id": "c",
        "type": "brushlabels",
        "value": {"format": "rle", "rle": [0, 0, 1, 32], "brushlabels": ["dog"]},
        **WITHIN,
    },
    {"id": "d", "type": "choices", "value": {"choices": ["sunny"]}, "to_name": "image"},
]
FILES = {
    "a.json": json.dumps([{"id": 1, "annotations": [{"id": 2, "result": CONTENT}], "data": {"image": "/data/a.png"}}])
}
"""A small set of its files, for the contract test."""


def result(kind, value, **other):
    """One region, or what was said of the image."""
    return {"id": kind, "from_name": "a", "to_name": "image", "type": kind, "value": value, **SIZE, **other}


def task(*results, **other):
    """A task with one annotation."""
    return {"id": 1, "annotations": [{"id": 9, "result": list(results)}], "data": {"image": "/data/a.png"}, **other}


def read_one(tmp_path, *results, **options):
    """The annotations of an export with one task."""
    return read_json(LABEL_STUDIO, tmp_path, [task(*results)], **options)


def shape_of(tmp_path, kind, **value):
    """What one region becomes."""
    (mark,) = marks_of(read_one(tmp_path, result(kind, {kind: ["dog"], **value})))
    assert mark.label == "dog"
    return mark.shape


def reasons(annotations):
    """Why something was ignored."""
    return [each.reason for each in annotations.ignored]


def packed(values, widths=(3, 4, 8, 16)):
    """Bytes as the program's own code packs them, by the format's definition: runs of equal values and of others."""
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in widths)
    at = 0
    while at < len(values):
        same = 1
        while at + same < len(values) and same < 2 ** widths[3] and values[at + same] == values[at]:
            same += 1
        # Some runs of single values are written out, as the program does.
        length = same if same > 2 else min(3, len(values) - at)
        chosen = next(index for index, width in enumerate(widths) if length <= 2**width)
        bits += f"{int(same > 2)}{chosen:02b}{length - 1:0{widths[chosen]}b}"
        bits += "".join(f"{value:08b}" for value in values[at : at + (1 if same > 2 else length)])
        at += length
    bits += "0" * (-len(bits) % 8)
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)] + [0]


def rgba(opacity):
    """The values of an image in the colour of a brush."""
    opacity = np.asarray(opacity, np.uint8)
    return np.stack([np.full_like(opacity, each) for each in (9, 9, 200)] + [opacity], -1).reshape(-1).tolist()


def test_percentages_are_of_the_width_and_the_height(tmp_path):
    """The image is 200 wide and 100 high."""
    assert shape_of(tmp_path, "rectanglelabels", **BOX) == Box(20, 20, 60, 80)
    assert shape_of(tmp_path, "keypointlabels", x=10, y=20, width=0.3) == Point(20, 20)
    ellipse = shape_of(tmp_path, "ellipselabels", x=50, y=50, radiusX=10, radiusY=30, rotation=30)
    assert ellipse == Ellipse(50, 100, 30, 20, 30)
    polygon = shape_of(tmp_path, "polygonlabels", points=POINTS, closed=True)
    assert isinstance(polygon, Polygon)
    assert polygon.parts[0][0].tolist() == [[0, 0], [0, 20], [10, 20]]


def test_an_open_polygon_is_a_line(tmp_path):
    """So is a vector that was not closed."""
    assert isinstance(shape_of(tmp_path, "polygonlabels", points=POINTS, closed=False), Line)
    vertices = [{"x": x, "y": y, "isBezier": False} for x, y in POINTS]
    assert isinstance(shape_of(tmp_path, "vectorlabels", vertices=vertices, closed=False), Line)
    assert isinstance(shape_of(tmp_path, "vectorlabels", vertices=vertices, closed=True), Polygon)


def test_boxes_are_turned_about_their_top_left_corner(tmp_path):
    """Clockwise: by a right angle, the width goes down from that corner, and the height to its left."""
    box = shape_of(tmp_path, "rectanglelabels", **{**BOX, "rotation": 90})

    assert isinstance(box, Box)
    corners = box.corners()
    assert corners[0] == pytest.approx([20, 20])
    assert corners[1] == pytest.approx([80, 20])
    assert corners[3] == pytest.approx([20, -20])


def test_the_turned_view_means_nothing(tmp_path):
    """Coordinates stay those of the image."""
    regions = [result("rectanglelabels", {**BOX, "rectanglelabels": ["dog"]}, image_rotation=turn) for turn in (0, 90)]
    first, second = marks_of(read_one(tmp_path, *regions))

    assert first.shape == second.shape


@pytest.mark.parametrize("seed", range(5))
def test_a_brush_is_what_is_opaque_by_half(seed):
    """Its soft edges would make it fatter; runs of any kind and width are read."""
    chance = np.random.default_rng(seed)
    opacity = np.repeat(chance.choice([0, 1, 127, 128, 254, 255], 40), chance.integers(1, 60, 40))[:600].reshape(20, -1)
    widths = ((3, 4, 8, 16), (1, 2, 5, 16), (3, 4, 8, 9))[seed % 3]
    height, width = opacity.shape

    pixels = BrushRuns(bytes(packed(rgba(opacity), widths))).pixels(height, width)

    assert (pixels == (opacity >= 128)).all()


def test_damaged_brushes_end_in_a_reason():
    """Whatever the bytes say, nothing larger than the image is made."""
    good = bytes(packed(rgba(np.eye(12) * 255)))
    chance = np.random.default_rng(0)
    assert BrushRuns(good).pixels(12, 12).sum() == 12
    for _ in range(300):
        bad = bytearray(good[: chance.integers(0, len(good))])
        for at in chance.integers(0, max(len(bad), 1), 3 * bool(bad)):
            bad[at] = chance.integers(256)
        with suppress(DataInvalid):
            assert BrushRuns(bytes(bad)).pixels(12, 12).shape == (12, 12)
    with pytest.raises(DataInvalid, match="four for each pixel"):
        BrushRuns(good).pixels(12, 13)


def test_a_large_brush_takes_no_time():
    """2,000 by 3,000 pixels with a soft edge in every row, in a tenth of a second."""
    rows, columns = np.mgrid[:2000, :3000]
    distance = np.hypot(rows - 1000, columns - 1500)
    opacity = np.clip((900 - distance) * 100 + 128, 0, 255).astype(np.uint8)
    code = BrushRuns(bytes(packed_quickly(opacity)))

    seconds = []
    for _ in range(3):
        start = time.process_time()
        pixels = code.pixels(2000, 3000)
        seconds.append(time.process_time() - start)

    assert (pixels == (opacity >= 128)).all()
    assert min(seconds) < 0.1


def packed_quickly(opacity):
    """A brush of one colour, black where it is transparent, as runs that repeat a value."""
    values = np.stack([opacity] * 4, -1).reshape(-1)
    ends = np.flatnonzero(np.diff(values)) + 1
    starts = np.concatenate([[0], ends])
    lengths = np.diff(np.concatenate([starts, [len(values)]]))
    bits = [f"{len(values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in (3, 4, 8, 16))]
    for value, length in zip(values[starts].tolist(), lengths.tolist(), strict=True):
        while length > 0:
            some = min(length, 2**16)
            bits.append(f"111{some - 1:016b}{value:08b}")
            length -= some
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return np.packbits(np.frombuffer(text.encode(), np.uint8) - 48)


def test_masks_are_decoded_when_they_are_needed(tmp_path):
    """A bitmap too, whose transparency is the mask."""
    opacity = np.where(np.arange(100 * 200).reshape(100, 200) % 7 == 0, 255, 0).astype(np.uint8)
    mask = shape_of(tmp_path, "brushlabels", format="rle", rle=packed(rgba(opacity)))
    assert isinstance(mask, Mask)
    assert (pixels_of(mask, (100, 200)).inside == (opacity > 0)).all()

    stream = BytesIO()
    Image.fromarray(np.stack([0 * opacity] * 3 + [opacity], -1)).save(stream, "PNG")
    address = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    assert (
        pixels_of(shape_of(tmp_path, "bitmasklabels", imageDataURL=address), (100, 200)).inside == (opacity > 0)
    ).all()


def test_choices_are_tags(tmp_path):
    """Of the whole image; they have no size."""
    annotations = read_one(tmp_path, {"id": "c", "type": "choices", "value": {"choices": ["sunny"]}, "from_name": "t"})

    assert annotations.images[0].present == ("sunny",)


def test_one_of_several_annotators_is_read_and_a_note_says_which(tmp_path):
    """The one marked as ground truth, else the last; skipped tasks and predictions are no labels."""

    def answer(label, **other):
        return {"result": [result("rectanglelabels", {**BOX, "rectanglelabels": [label]})], **other}

    late = [answer("a"), answer("b"), answer("c", was_cancelled=True)]
    sure = [answer("a", ground_truth=True), answer("b")]
    predictions = [answer("d")]
    content = [task(annotations=late, predictions=predictions), task(annotations=sure)]
    annotations = read_json(LABEL_STUDIO, tmp_path, content)

    assert [mark.label for mark in marks_of(annotations)] == ["b", "a"]
    (note,) = annotations.notes
    assert "ground truth" in note
    assert sorted(each.kind for each in annotations.ignored) == ["annotation", "annotation", "annotation", "prediction"]


@pytest.mark.parametrize("kind", ["labels", "choices"])
def test_a_class_may_be_a_result_of_its_own(tmp_path, kind):
    """Controls without classes share a region's number with one that has them (label-studio-converter 196)."""
    shape = result("rectangle", BOX, id="r")
    said = result(kind, {**BOX, kind: ["dog"]}, id="r")
    annotations = read_one(tmp_path, said, shape)

    assert [mark.label for mark in marks_of(annotations)] == ["dog"]
    assert not annotations.ignored


def test_choices_for_a_region_with_a_class_are_no_tags(tmp_path):
    """They are counted."""
    shape = result("rectanglelabels", {**BOX, "rectanglelabels": ["dog"]}, id="r")
    annotations = read_one(tmp_path, shape, result("choices", {**BOX, "choices": ["blurred"]}, id="r"))

    assert annotations.images[0].present == ()
    assert reasons(annotations) == ["it describes a region that has a class"]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda one: one,
        lambda one: {**one["annotations"][0], "task": {"id": 1, "data": one["data"]}},
        lambda one: [{"id": 1, "data": one["data"], "completions": one["annotations"]}],
    ],
    ids=["one task", "one annotation of a storage", "versions before 1.0"],
)
def test_tasks_come_in_several_wrappings(tmp_path, wrapped):
    """The server answers with one task, storages hold one file an annotation, old exports say completions."""
    one = task(result("rectanglelabels", {**BOX, "rectanglelabels": ["dog"]}))
    (mark,) = marks_of(read_json(LABEL_STUDIO, tmp_path, wrapped(one)))

    assert mark.shape == Box(20, 20, 60, 80)


@pytest.mark.parametrize(
    ("data", "upload", "name"),
    [
        ({"text": "a caption", "img": "s3://bucket/a.png"}, None, "s3://bucket/a.png"),
        ({"image": "/data/local-files/?d=set%5Ca.png"}, None, "/data/local-files/?d=set%5Ca.png"),
        ({"image": "/image2"}, "e97d4735-a.jpg", "e97d4735-a.jpg"),
        ({"image": "data:image/png;base64,AAAA", "name": "a.png"}, None, "a.png"),
        ({"depth": "b.png", "image": "a.png"}, None, "a.png"),
    ],
)
def test_the_image_may_be_named_anywhere(tmp_path, data, upload, name):
    """Projects call the field as they like, and have others; an image that is there decides."""
    content = [{**task(), "data": data, "file_upload": upload}]
    annotations = read_json(LABEL_STUDIO, tmp_path, content, sizes=lambda each: (1, 1) if each == name else None)

    assert [image.name for image in annotations.images] == [name]


def test_a_task_may_show_several_images(tmp_path):
    """Each region has the number of its image."""
    shape = {**BOX, "rectanglelabels": ["dog"]}
    regions = [result("rectanglelabels", shape, item_index=index) for index in (1, 1, 5)]
    annotations = read_json(LABEL_STUDIO, tmp_path, [{**task(*regions), "data": {"pages": ["a.png", "b.png"]}}])

    assert [(image.name, len(image.marks)) for image in annotations.images] == [("a.png", 0), ("b.png", 2)]
    assert reasons(annotations) == ["it lies on image 6 of 2"]


def test_sizes_may_be_missing(tmp_path):
    """Imported regions have none: percentages are of the image's own size then, if it is there."""
    region = {"type": "rectanglelabels", "value": {**BOX, "rectanglelabels": ["dog"]}}
    (mark,) = marks_of(read_one(tmp_path, region, sizes=lambda name: (100, 200)))
    assert mark.shape == Box(20, 20, 60, 80)

    annotations = read_one(tmp_path, region, sizes=lambda name: None)
    assert "no size" in reasons(annotations)[0]


def test_clicks_on_the_border_are_on_the_image(tmp_path):
    """They are stored a little outside."""
    assert shape_of(tmp_path, "keypointlabels", x=100.2, y=-0.1) == Point(0, 200)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("rectanglelabels", {**BOX, "rectanglelabels": ["cat", "dog"]}, "a pixel has one"),
        ("rectanglelabels", {**BOX, "rectanglelabels": []}, "no class"),
        ("rectanglelabels", {**BOX, "width": 0, "rectanglelabels": ["dog"]}, "empty"),
        ("polygonlabels", {"points": POINTS[:2], "polygonlabels": ["dog"]}, "2 vertices"),
        ("polygonlabels", {"points": [[float("nan"), 0], *POINTS], "polygonlabels": ["dog"]}, "not finite"),
        ("brushlabels", {"format": "rle", "rle": [300], "brushlabels": ["dog"]}, "256"),
        ("brushlabels", {"format": "coco", "rle": [1], "brushlabels": ["dog"]}, "'coco'"),
        ("bitmasklabels", {"imageDataURL": "data:image/png;base64,%", "bitmasklabels": ["dog"]}, "base64"),
        ("vectorlabels", {"vertices": [{"x": 1, "y": 1, "isBezier": True}], "vectorlabels": ["dog"]}, "curved"),
        ("keypointlabels", {"x": 1, "keypointlabels": ["dog"]}, "'y'"),
        ("textarea", {"text": ["hello"]}, "no mark"),
        ("taxonomy", {"taxonomy": [["a", "b"]]}, "no mark"),
        ("rectanglelabels", {**BOX, "rectanglelabels": ["x" * 2**20]}, "class name"),
    ],
)
def test_what_becomes_no_mark_is_counted_with_a_reason(tmp_path, kind, value, reason):
    """And the rest of the task is read."""
    good = result("keypointlabels", {"x": 1, "y": 1, "keypointlabels": ["dog"]}, id="good")
    annotations = read_one(tmp_path, result(kind, value), good)

    assert len(marks_of(annotations)) == 1
    (ignored,) = annotations.ignored
    assert reason in ignored.reason
    assert (ignored.kind, ignored.place.endswith("task 1, region 1")) == (kind, True)


@pytest.mark.parametrize(
    "content",
    [
        [{"image": "a.png", "id": 1, "annotation_id": 2, "label": [{**BOX, "rectanglelabels": ["dog"]}]}],
        {"categories": [], "info": {"contributor": "Label Studio"}},
    ],
    ids=["JSON-MIN", "YOLO"],
)
def test_other_exports_say_which_to_choose(tmp_path, content):
    """They lack brushes, key points or sizes."""
    (reason,) = reasons(read_json(LABEL_STUDIO, tmp_path, content))

    assert "as JSON" in reason


def test_tasks_that_nobody_finished_are_images_without_marks(tmp_path):
    """The later numbers of annotations are all that some exports hold."""
    annotations = read_json(LABEL_STUDIO, tmp_path, [task(annotations=[]), task(annotations=[7]), 7])

    assert [len(image.marks) for image in annotations.images] == [0, 0]
    assert "as JSON" in reasons(annotations)[0]
    assert annotations.ignored[1].place.endswith("task 3")


@needs_samples
def test_files_of_the_program_itself_are_read():
    """Drawn in version 1.23.2, on photos that are turned and views that are."""
    folder = SAMPLES / "label_studio" / "real_export_1.23.2"
    annotations = read(LABEL_STUDIO, folder)

    assert not annotations.ignored
    kinds = [sorted(mark.kind for mark in image.marks) for image in annotations.images]
    assert kinds == [["box", "mask", "mask", "point", "polygon"], *[["box", "mask"]] * 3]
    assert annotations.images[0].present == ("sunny",)
    # The second photo is 200 wide and 120 high, and shown upright.
    assert [image.size for image in annotations.images] == [(120, 200), (200, 120), (120, 200), (120, 200)]
    for number, label in enumerate(("cat", "dog")):
        exported = np.asarray(Image.open(folder / f"task-1-annotation-1-by-1-brush-{label}-0.png"))
        patch = pixels_of(annotations.images[0].marks[number].shape, (120, 200))
        assert (patch.inside == (exported >= 128)).all()


@needs_samples
@pytest.mark.parametrize("file", ["test_export_coco", "test_export_json_min", "test_export_yolo"])
def test_counts_equal_those_of_the_file(file):
    """Every region of the converter's own test files is a mark, or counted."""
    for path in sorted((SAMPLES / "label_studio" / file).glob("data*.json")):
        tasks = json.loads(path.read_text())
        held = [each["type"] for task in tasks for answer in task["annotations"] for each in answer["result"]]
        annotations = LABEL_STUDIO.read([entry_of(path)], lambda name: None)

        assert len(marks_of(annotations)) == sum(kind.endswith("labels") for kind in held)
        assert len(marks_of(annotations)) + len(annotations.ignored) == len(held)


def entry_of(path):
    """A file by itself."""
    return Entry(FileTree(path), path.name)
