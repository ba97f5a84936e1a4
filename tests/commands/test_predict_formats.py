"""Predictions as files of annotation tools."""

from dataclasses import replace

import numpy as np
import pytest
from finished_run import FinishedRun

from weakseg.annotations.matched import matched
from weakseg.annotations.writing import WRITERS
from weakseg.commands.predict import write_annotations
from weakseg.data.images.label_file import write_labels
from weakseg.errors import DataInvalid, WriteRefused
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED


@pytest.fixture
def predicted(tmp_path):
    """A mask of two classes with the numbers 3 and 7, void among them, and its image."""
    predictor = replace(FinishedRun(tmp_path / "run").predictor(), numbers=(3, 7), void=255)
    labels = np.random.default_rng(0).integers(-1, 2, (6, 9))
    image, mask = tmp_path / "images" / "a b.png", tmp_path / "out" / "a b.png"
    write_labels(image, np.zeros((6, 9), int))
    write_labels(mask, np.where(labels == UNLABELED, UNLABELED, np.array([3, 7])[labels]))
    return predictor, {image: mask}, labels


@pytest.mark.parametrize("format", ["labelme", "coco"])
def test_masks_come_back_through_the_files(predicted, tmp_path, format):
    """Classes by name, whatever their numbers are in the masks; void is nothing."""
    predictor, masks, labels = predicted
    files = write_annotations(format, masks, tmp_path / "out", predictor)
    found = matched(files, {"a b": next(iter(masks))}).images["a b"]

    assert (labels_of(found, labels.shape, 2, predictor.classes.names.index, Uses()).seeds == labels).all()


def test_images_without_a_place_have_no_outlines_on_the_ground(predicted, tmp_path):
    """A photo is told from a map that is damaged."""
    predictor, masks, _ = predicted
    with pytest.raises(DataInvalid, match=r"a b.*states no place on the ground(.|\n)*--format qupath"):
        write_annotations("geojson", masks, tmp_path / "out", predictor)


@pytest.mark.parametrize("format", [format for format in WRITERS if format != "geojson"])
def test_nothing_is_overwritten(predicted, tmp_path, format):
    """The second time is refused, and the files stay."""
    predictor, masks, _ = predicted
    files = write_annotations(format, masks, tmp_path / "out", predictor)
    before = [file.read_bytes() for file in files]
    with pytest.raises(WriteRefused, match="exists already"):
        write_annotations(format, masks, tmp_path / "out", predictor)

    assert [file.read_bytes() for file in files] == before


def test_a_file_in_the_way_is_told_before_anything_is_predicted(weakseg, tmp_path, monkeypatch):
    """The masks would be in the way of the second try."""
    run = FinishedRun(tmp_path / "run")
    monkeypatch.setattr("weakseg.runs.run.open_run", lambda path, recipe: run)
    write_labels(tmp_path / "a.png", np.zeros((6, 9), int))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "instances.json").write_text("mine")
    said = weakseg("predict", run.path, tmp_path / "a.png", "--out", tmp_path / "out", "--format", "coco")

    assert said.code == 2
    assert "instances.json exists already" in said.err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["instances.json"]


def test_an_unknown_format_is_refused_first(weakseg, tmp_path):
    """Before any run is opened."""
    said = weakseg("predict", tmp_path / "run", "a.png", "--out", tmp_path / "out", "--format", "voc")

    assert said.code == 2
    assert "coco, cvat, label-studio, labelme" in said.err
