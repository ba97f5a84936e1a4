"""COCO's files, as programs and their users write them."""

import json
import time

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read, read_json

from weakseg.formats.codes import ColumnRuns, counts_of_text
from weakseg.formats.sets.coco import COCO
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Mask, Point, Polygon

SQUARE = [1, 1, 4, 1, 4, 4, 1, 4]
CONTENT = {
    "images": [{"id": 5, "file_name": "a.png", "height": 8, "width": 9}],
    "categories": [{"id": 7, "name": "dog", "supercategory": "pet"}],
    "annotations": [
        {"image_id": 5, "category_id": 7, "segmentation": [[1, 1, 1, 4, 4, 4]], "bbox": [1, 1, 3, 3]},
        {"image_id": 5, "category_id": 7, "segmentation": {"size": [8, 9], "counts": "Q1W1"}, "iscrowd": 1},
        {"image_id": 5, "category_id": 7, "bbox": [1.0, 1.0, 4.0, 4.0], "keypoints": [2, 3, 2]},
    ],
}
FILES = {"a.json": json.dumps(CONTENT)}
"""A small set of its files, for the contract test."""


def file(*annotations, **other):
    """A file with one image, 10 wide and 5 high, and two categories with gaps between their numbers."""
    return {
        "images": [{"id": 5, "file_name": "a.png", "width": 10, "height": 5}],
        "categories": [{"id": 90, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": [{"image_id": 5, "category_id": 3, **each} for each in annotations],
        **other,
    }


def shapes_of(tmp_path, *annotations, **other):
    """The shapes of a file's marks."""
    return [mark.shape for mark in marks_of(read_json(COCO, tmp_path, file(*annotations, **other)))]


def reasons(annotations):
    """Why something was ignored."""
    return [each.reason for each in annotations.ignored]


def test_polygons_are_united(tmp_path):
    """A second one inside the first is no hole."""
    (shape,) = shapes_of(tmp_path, {"segmentation": [[0, 0, 5, 0, 5, 5, 0, 5], SQUARE], "bbox": [0, 0, 5, 5]})

    assert isinstance(shape, Polygon)
    assert pixels_of(shape, (5, 10)).inside.sum() == 25


def test_points_and_boxes_have_x_first(tmp_path):
    """A box is its corner, width and height."""
    (box,) = shapes_of(tmp_path, {"segmentation": [], "bbox": [2, 1, 3.5, 1]})

    assert box == Box(1, 2, 2, 5.5)


def test_run_lengths_go_down_columns(tmp_path):
    """And begin outside the mask."""
    (mask,) = shapes_of(tmp_path, {"segmentation": {"size": [5, 10], "counts": [5, 3, 42]}, "iscrowd": 1})
    inside = pixels_of(mask, (5, 10)).inside

    assert np.argwhere(inside).tolist() == [[0, 1], [1, 1], [2, 1]]


def compressed(counts):
    """Run lengths as COCO's text, a letter at a time."""
    text = ""
    for index, count in enumerate(counts):
        number = count - counts[index - 2] if index > 2 else count
        while True:
            letter, number = number & 31, number >> 5
            done = number == (-1 if letter & 16 else 0)
            text += chr(48 + letter + 32 * (not done))
            if done:
                break
    return text


def test_compressed_run_lengths_of_any_mask():
    """Short and long runs, and differences of both signs."""
    chance = np.random.default_rng(0)
    for size in (1, 2, 3, 4, 50, 1000):
        counts = chance.integers(0, 10 ** chance.integers(1, 7, size), size).tolist()
        assert counts_of_text(compressed(counts)).tolist() == counts


def test_compressed_run_lengths_of_pycocotools():
    """As version 2.0.11 writes a mask, 30 wide and 20 high, of a rectangle and a pixel."""
    inside = np.zeros((20, 30), bool)
    inside[3:9, 4:25] = inside[12, 7] = True
    code = ColumnRuns(counts_of_text("c26>00000EK7540000000000000000000000000000000Q3"))

    assert (code.pixels(20, 30) == inside).all()


@pytest.mark.parametrize("text", ["", "/", "P", "é", "p" * 30 + "0", "O"])
def test_damaged_text_of_run_lengths_is_a_reason(tmp_path, text):
    """Cut off, other letters, numbers without end, negative ones."""
    annotations = read_json(COCO, tmp_path, file({"segmentation": {"size": [5, 10], "counts": text}}))

    assert not marks_of(annotations)
    assert "run lengths" in reasons(annotations)[0]


def test_a_run_may_claim_any_length(tmp_path):
    """Nothing is made of it."""
    (mask,) = shapes_of(tmp_path, {"segmentation": {"size": [5, 10], "counts": [10**18]}})

    assert isinstance(mask, Mask)
    with pytest.raises(Exception, match="run lengths of"):
        pixels_of(mask, (5, 10))


def test_regions_of_crowds_are_regions_and_their_boxes_are_none(tmp_path):
    """CVAT writes every brush as a crowd."""
    crowd = {"segmentation": {"size": [5, 10], "counts": [0, 50]}, "bbox": [0, 0, 10, 5], "iscrowd": 1}
    annotations = read_json(COCO, tmp_path, file(crowd, {**crowd, "segmentation": []}))

    assert [mark.kind for mark in marks_of(annotations)] == ["mask"]
    assert reasons(annotations) == ["the box of a crowd"]


def test_key_points_that_are_seen_are_points(tmp_path):
    """Hidden ones lie on another class; those of 0 were not marked."""
    body = {"keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0], "num_keypoints": 2, "bbox": [0, 0, 5, 5]}
    annotations = read_json(COCO, tmp_path, file(body))

    assert [mark.shape for mark in marks_of(annotations)] == [Box(0, 0, 5, 5), Point(2, 1)]
    assert reasons(annotations) == ["it is hidden behind something"]


def test_a_category_alone_is_a_tag_and_a_caption_is_none(tmp_path):
    """As in files of labels, and files of captions."""
    annotations = read_json(COCO, tmp_path, file({}, {"caption": "a dog"}))

    assert annotations.images[0].present == ("dog",)
    assert reasons(annotations) == ["a caption names no class"]


def test_categories_are_known_by_their_numbers(tmp_path):
    """Which have gaps; classes are in the order of the numbers."""
    annotations = read_json(COCO, tmp_path, file({"bbox": [0, 0, 1, 1]}, {"bbox": [0, 0, 1, 1], "category_id": 90}))

    assert annotations.classes == ("dog", "cat")
    assert [mark.label for mark in marks_of(annotations)] == ["dog", "cat"]


def test_headings_are_no_classes(tmp_path):
    """Roboflow lists a category 0 that is the heading of the others, and nothing is annotated as."""
    categories = [
        {"id": 0, "name": "pets", "supercategory": "none"},
        {"id": 3, "name": "dog", "supercategory": "pets"},
        {"id": 4, "name": "person", "supercategory": "person"},
    ]
    annotations = read_json(COCO, tmp_path, file({"bbox": [0, 0, 1, 1]}, categories=categories))

    assert annotations.classes == ("dog", "person")


def test_images_have_the_name_before_the_upload(tmp_path):
    """Roboflow keeps it beside its own, which counts where it is there."""
    image = {"id": 5, "file_name": "a_png.rf.0123456789abcdef.jpg", "extra": {"name": "a.png"}}
    for known, name in (("a.png", "a.png"), (image["file_name"], image["file_name"])):
        there = {known: (5, 10)}
        annotations = read_json(COCO, tmp_path, file(images=[image]), sizes=there.get)
        assert annotations.images[0].name == name


def test_a_file_is_told_by_its_content(tmp_path):
    """Captions have no categories; results without images are another kind of file."""
    content = file({"caption": "x"})
    del content["categories"]
    assert len(read_json(COCO, tmp_path, content, name="captions.txt").images) == 1
    assert len(read_json(COCO, tmp_path, [{"image_id": 5}], name="results.json").images) == 1


class TestWhatUsersDo:
    """Files that break other readers."""

    def test_parts_of_two_vertices_are_left_out(self, tmp_path):
        """A stray click makes one (cocoapi issue 348); the rest of the region stays."""
        annotations = read_json(COCO, tmp_path, file({"segmentation": [[3, 4, 3, 5], SQUARE]}))

        assert len(marks_of(annotations)[0].shape.parts) == 1
        assert "2 vertices" in reasons(annotations)[0]

    def test_the_list_around_the_only_polygon_is_forgotten(self, tmp_path):
        """MyVision issue 17."""
        (shape,) = shapes_of(tmp_path, {"segmentation": SQUARE})

        assert isinstance(shape, Polygon)
        assert shape.parts[0][0].tolist()[1] == [1, 4]

    def test_run_lengths_are_wrapped_in_a_list(self, tmp_path):
        """And the box as well (cocostuff10k issue 4)."""
        code = {"size": [5, 10], "counts": [0, 50]}
        shapes = shapes_of(tmp_path, {"segmentation": [code]}, {"segmentation": [], "bbox": [[0, 0, 1, 1]]})

        assert [type(shape) for shape in shapes] == [Mask, Box]

    def test_run_lengths_are_written_as_a_polygon(self, tmp_path):
        """An odd count proves it (CVAT issue 6014); the box is still right."""
        annotations = read_json(COCO, tmp_path, file({"segmentation": [[0, 20, 30, 1, 2, 3, 4]], "bbox": [0, 0, 1, 1]}))

        assert [mark.kind for mark in marks_of(annotations)] == ["box"]
        assert "odd count" in reasons(annotations)[0]

    def test_numbers_are_text_or_fractions(self, tmp_path):
        """Tables of pandas make 5.0 of 5, and scripts "5"."""
        for number in ("5", 5.0):
            assert len(shapes_of(tmp_path, {"image_id": number, "bbox": [0, 0, 1, 1]})) == 1

    @pytest.mark.parametrize("size", [[10, 5], [50, 100]])
    def test_masks_have_the_size_of_another_image(self, tmp_path, size):
        """Sides are swapped, or the image was resized; which of them is not guessed."""
        code = {"size": size, "counts": [0, size[0] * size[1]]}
        annotations = read_json(COCO, tmp_path, file({"segmentation": code}))

        assert not marks_of(annotations)
        assert "of an image 10 wide and 5 high" in reasons(annotations)[0]

    def test_files_are_joined_and_numbers_meet(self, tmp_path):
        """Annotations of two images with one number belong to neither."""
        images = [{"id": 5, "file_name": name} for name in ("a.png", "b.png")]
        annotations = read_json(COCO, tmp_path, file({"bbox": [0, 0, 1, 1]}, images=images))

        assert not annotations.images
        assert reasons(annotations) == ["2 images have the id 5"] * 2 + ["the file has no image with the id 5"]

    def test_images_and_categories_are_deleted(self, tmp_path):
        """And their annotations are not."""
        annotations = read_json(COCO, tmp_path, file({"image_id": 6, "bbox": [0, 0, 1, 1]}, {"category_id": 7}))

        assert reasons(annotations) == [
            "the file has no image with the id 6",
            "the file has no category with the id 7",
        ]

    @pytest.mark.parametrize("categories", [None, 5, {}, [None, 5, {"id": 3}]])
    def test_the_categories_are_missing_or_damaged(self, tmp_path, categories):
        """Annotations of them are counted."""
        annotations = read_json(COCO, tmp_path, file({"bbox": [0, 0, 1, 1]}, categories=categories))

        assert "the file has no category with the id 3" in reasons(annotations)

    def test_an_annotation_is_empty(self, tmp_path):
        """Label Studio writes a rectangle without a region, and empty boxes."""
        annotations = read_json(COCO, tmp_path, file({"segmentation": [], "bbox": []}, {"bbox": [1, 1, 0, 0]}))

        assert not marks_of(annotations)
        assert reasons(annotations)[0] == "neither a region nor a box"
        assert "is empty" in reasons(annotations)[1]


def test_five_thousand_polygons_take_seconds(tmp_path):
    """Of thirty vertices each; the bound is for slow and busy machines."""
    ring = np.random.default_rng(0).random(60).round(2).tolist()
    content = file(*({"segmentation": [ring], "bbox": [0, 0, 1, 1]} for _ in range(5_000)))
    started = time.process_time()

    assert len(marks_of(read_json(COCO, tmp_path, content))) == 5_000
    assert time.process_time() - started < 10


@needs_samples
def test_real_files_are_read():
    """Counts are those of the files."""
    instances = read(COCO, SAMPLES / "coco" / "coco_instances")
    assert [mark.kind for mark in marks_of(instances)] == ["box", "polygon", "mask"]
    assert instances.classes == ("a", "b", "c")
    mask = marks_of(instances)[2].shape
    assert isinstance(mask.code, ColumnRuns)
    assert pixels_of(mask, (10, 5)).inside.sum() == 20

    labels = read(COCO, SAMPLES / "coco" / "coco_labels")
    assert labels.images[0].present == ("a", "b")
    captions = read(COCO, SAMPLES / "coco" / "coco_captions")
    assert reasons(captions) == ["a caption names no class"] * 2
    roboflow = read(COCO, SAMPLES / "roboflow" / "coco")
    assert [mark.shape for mark in marks_of(roboflow)] == [Box(1, 2, 2, 5), Box(0, 0, 4, 2)]


def test_exports_of_label_studio_have_a_better_kind(tmp_path):
    """What it draws with a brush becomes smaller, and points are lost."""
    annotations = read_json(COCO, tmp_path, file(info={"contributor": "Label Studio"}))

    assert "export JSON" in annotations.notes[0]
