"""What is written is read back as it was."""

import json

import numpy as np
import pytest
from annotation_files import read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from weakseg.annotations.reading import FORMATS
from weakseg.annotations.writing import WRITERS
from weakseg.formats.writers.segmented import Segmented
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED

CLASSES = ("sky", "dog", 'cat "x" <&>')
READERS = {"labelme": "LabelMe", "coco": "COCO", "cvat": "CVAT XML", "label-studio": "Label Studio"}
LABELS = arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 9)), elements=st.integers(UNLABELED, 2))


def through(name, folder, labels):
    """Labels that were written and read again."""
    folder.mkdir(exist_ok=True)
    for file, content in WRITERS[name]([Segmented("a b.png", labels)], CLASSES):
        if name == "label-studio":
            # Predictions are no labels to a reader until a person submits them.
            content = content.replace(b'"predictions"', b'"annotations"')
        (folder / file).write_bytes(content)
    (format,) = [each for each in FORMATS if each.name == READERS[name]][:1]
    annotations = read(format, folder, lambda name: labels.shape)
    assert not annotations.ignored
    (image,) = annotations.images
    assert image.name == "a b.png"
    found = labels_of(image, labels.shape, len(CLASSES), CLASSES.index, Uses())
    assert not found.problems
    return found.seeds


@pytest.mark.parametrize("name", [*WRITERS])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=LABELS)
def test_every_pixel_comes_back(tmp_path, name, labels):
    """In every format, whatever the shapes and names."""
    if not any(each.name == READERS[name] for each in FORMATS):
        pytest.skip(f"no reader of {name}")
    if (labels == UNLABELED).all():
        return
    assert (through(name, tmp_path / name, labels) == labels).all()


def test_runs_longer_than_an_entry_holds_come_back(tmp_path):
    """65,536 bytes are 16,384 pixels of Label Studio's code."""
    if not any(each.name.startswith("Label Studio") for each in FORMATS):
        pytest.skip("no reader of label-studio")
    labels = np.zeros((300, 400), int)
    labels[150:, :] = 1

    assert (through("label-studio", tmp_path, labels) == labels).all()


def test_coco_has_sizes_and_areas(tmp_path):
    """As other programs expect them."""
    ((_, content),) = WRITERS["coco"]([Segmented("a.png", np.eye(3, 4, dtype=int))], CLASSES)
    told = json.loads(content)

    assert told["images"] == [{"id": 1, "file_name": "a.png", "height": 3, "width": 4}]
    assert [each["area"] for each in told["annotations"]] == [9, 3]
    assert [each["bbox"] for each in told["annotations"]] == [[0, 0, 4, 3], [0, 0, 3, 3]]
