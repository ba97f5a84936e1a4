"""What is written is read back as it was."""

import json

import numpy as np
import pytest
from annotation_files import read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from weakseg.annotations.reading import FORMATS
from weakseg.annotations.writing import WRITERS
from weakseg.data.folder.folder import Folder
from weakseg.errors import DataInvalid
from weakseg.formats.writers.segmented import Segmented
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED

CLASSES = ("sky", "dog 2", 'cat "x" <&>/')
READERS = {"labelme": "LabelMe", "coco": "COCO", "cvat": "CVAT for images", "label-studio": "Label Studio"}
READERS |= {"qupath": "QuPath", "imagej": "ImageJ"}
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
    assert image.name in ("a b.png", "a b")
    found = labels_of(image, labels.shape, len(CLASSES), CLASSES.index, Uses())
    assert not found.problems
    return found.seeds


@pytest.mark.parametrize("name", [*READERS])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=LABELS)
def test_every_pixel_comes_back(tmp_path, name, labels):
    """In every format, whatever the shapes and names."""
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


def test_every_writer_is_read_back():
    """Label layers are no marks, and maps lie on the ground: they have tests of their own."""
    assert {*WRITERS} == {*READERS, "napari", "geojson"}


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=LABELS)
def test_label_layers_are_scribbles_of_a_data_folder(tmp_path, labels):
    """With the declaration beside them."""
    written = dict(WRITERS["napari"]([Segmented("a b.png", labels)], CLASSES))
    for folder in ("images", "scribbles"):
        (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / "dataset.toml").write_bytes(written["labels/dataset.toml"])
    (tmp_path / "scribbles" / "a b.tif").write_bytes(written["labels/a b.tif"])
    Image.fromarray(np.zeros(labels.shape, np.uint8)).save(tmp_path / "images" / "a b.png")
    folder = Folder(str(tmp_path), "all", labels=("scribbles",))
    assert folder.classes.names == CLASSES
    assert (folder[0].seeds == labels).all()


def test_regions_of_imagej_fit_its_frames():
    """Sides of more than 32,767 pixels are refused before anything is traced."""
    with pytest.raises(DataInvalid, match="at most 32767"):
        list(WRITERS["imagej"]([Segmented("a.png", np.zeros((1, 40_000), int))], CLASSES))


def test_qupath_has_closed_rings_with_their_holes():
    """As GeoJSON has them; a hole lies in the part around it."""
    labels = np.full((5, 8), UNLABELED)
    labels[:5, :5] = 1
    labels[1:4, 1:4] = UNLABELED
    labels[2, 2] = labels[0, 7] = 1
    ((name, content),) = WRITERS["qupath"]([Segmented("a.png", labels)], CLASSES)
    (feature,) = json.loads(content)["features"]
    assert name == "a.geojson"
    assert feature["geometry"]["type"] == "MultiPolygon"
    parts = feature["geometry"]["coordinates"]
    assert sorted(map(len, parts)) == [1, 1, 2]
    assert all(ring[0] == ring[-1] for part in parts for ring in part)
    assert feature["properties"]["classification"]["name"] == "dog 2"
