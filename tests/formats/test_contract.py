"""What every reader promises, whatever its files hold."""

import json
import random
from contextlib import suppress
from pathlib import Path

import pytest
from annotation_files import marks_of, read

from weakseg.annotations.reading import FORMATS
from weakseg.errors import DataInvalid
from weakseg.marks.mark import Annotations

SQUARE = [[1.0, 1.0], [1.0, 4.0], [4.0, 4.0]]
LABELME = {
    "version": "6.3.1",
    "flags": {"indoor": True},
    "shapes": [
        {"label": "dog", "points": SQUARE, "shape_type": "polygon"},
        {"label": "cat", "points": SQUARE[:2], "shape_type": "linestrip"},
    ],
    "imagePath": "a.png",
    "imageHeight": 8,
    "imageWidth": 9,
}
COCO = {
    "images": [{"id": 5, "file_name": "a.png", "height": 8, "width": 9}],
    "categories": [{"id": 7, "name": "dog", "supercategory": "pet"}],
    "annotations": [
        {"image_id": 5, "category_id": 7, "segmentation": [[1, 1, 1, 4, 4, 4]], "bbox": [1, 1, 3, 3]},
        {"image_id": 5, "category_id": 7, "segmentation": {"size": [8, 9], "counts": "Q1W1"}, "iscrowd": 1},
        {"image_id": 5, "category_id": 7, "bbox": [1.0, 1.0, 4.0, 4.0], "keypoints": [2, 3, 2]},
    ],
}
LABEL_STUDIO_SIZE = {"original_width": 9, "original_height": 8, "to_name": "image"}
LABEL_STUDIO_BOX = {"x": 10, "y": 10, "width": 30, "height": 40, "rotation": 10, "rectanglelabels": ["dog"]}
LABEL_STUDIO_LINE = {"points": [[10, 10], [20, 90]], "closed": False, "polygonlabels": ["cat"]}
LABEL_STUDIO_RESULTS = [
    {"id": "a", "type": "rectanglelabels", "value": LABEL_STUDIO_BOX, **LABEL_STUDIO_SIZE},
    {"id": "b", "type": "polygonlabels", "value": LABEL_STUDIO_LINE, **LABEL_STUDIO_SIZE},
    {
        "id": "c",
        "type": "brushlabels",
        "value": {"format": "rle", "rle": [0, 0, 1, 32], "brushlabels": ["dog"]},
        **LABEL_STUDIO_SIZE,
    },
    {"id": "d", "type": "choices", "value": {"choices": ["sunny"]}, "to_name": "image"},
]
LABEL_STUDIO = [{"id": 1, "annotations": [{"id": 2, "result": LABEL_STUDIO_RESULTS}], "data": {"image": "/data/a.png"}}]
FILES: dict[str, dict[str, str]] = {
    "LabelMe": {"a.json": json.dumps(LABELME)},
    "Label Studio": {"a.json": json.dumps(LABEL_STUDIO)},
    "COCO": {"a.json": json.dumps(COCO)},
}
"""A small set of files of each format, by path, that holds two marks or more."""


def written(folder: Path, files: dict[str, str]) -> Path:
    """The files, in a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
class TestEveryReader:
    """One test a promise."""

    def test_it_reads_its_own_files_and_no_others(self, format, tmp_path):
        """The files of a format are claimed by that format first."""
        for name, files in FILES.items():
            annotations = read(format, written(tmp_path / name, files))
            if name == format.name:
                assert len(marks_of(annotations)) >= 2
                assert not annotations.ignored
                assert all(mark.source for mark in marks_of(annotations))

    def test_damaged_files_end_in_a_reason(self, format, tmp_path):
        """Bytes are lost, changed and doubled: no traceback, and each mark is kept or counted."""
        chance = random.Random(0)
        for trial in range(60):
            files = {name: damaged(text, chance) for name, text in FILES[format.name].items()}
            with suppress(DataInvalid):
                annotations = read(format, written(tmp_path / str(trial), files))
                assert isinstance(annotations, Annotations)
                # A reader's own mistakes in types would look like a file's.
                assert all(each.reason and "Type-check" not in each.reason for each in annotations.ignored)


def damaged(text: str, chance: random.Random) -> str:
    """A text with a few changes of the kinds that files suffer."""
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randrange(len(text)), chance.randint(1, 12)
        instead = chance.choice(["", "null", "-1", "1e999", '"x"', "[]", "{}", "999999999999999999999", text[:length]])
        text = text[:at] + instead + text[at + length :]
        text = text or "{"
    return text
