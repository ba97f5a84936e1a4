"""Regions that TIFFs of ImageJ hold themselves."""

from io import BytesIO

import numpy as np
import pytest
import tifffile
from annotation_files import marks_of, read

from weakseg.formats.science.imagej_overlay import IMAGEJ_OVERLAY

roifile = pytest.importorskip("roifile")


def region(name, **options):
    """A square as ImageJ stores it."""
    roi = roifile.ImagejRoi.frompoints([[1.0, 1.0], [1.0, 4.0], [4.0, 4.0]], name=name)
    for key, value in options.items():
        setattr(roi, key, value)
    return roi.tobytes()


def with_regions(overlays, selection=None):
    """A TIFF with an overlay and a selection."""
    stream = BytesIO()
    stored = {"Overlays": overlays} | ({} if selection is None else {"ROI": selection})
    tifffile.imwrite(stream, np.zeros((8, 9), np.uint8), imagej=True, metadata=stored)
    return stream.getvalue()


FILES = {"a.tif": with_regions([region("dog"), region("cat-1")])}
"""A small set of its files, for the contract test."""


def test_an_overlay_and_a_selection_are_marks(tmp_path):
    """What is selected and in the overlay too is one mark."""
    (tmp_path / "a.tif").write_bytes(with_regions([region("dog"), region("cat-1")], region("dog")))
    (tmp_path / "b.tif").write_bytes(with_regions([region("dog")], region("bird")))
    annotations = read(IMAGEJ_OVERLAY, tmp_path)
    assert [mark.label for mark in marks_of(annotations)] == ["dog", "cat", "dog", "bird"]
    assert [image.name for image in annotations.images] == ["a", "b"]


def test_regions_without_a_class_and_on_other_slices_are_counted(tmp_path):
    """As those of a set of regions are."""
    (tmp_path / "a.tif").write_bytes(with_regions([region("0002-0003"), region("dog", position=3)]))
    annotations = read(IMAGEJ_OVERLAY, tmp_path)
    assert not marks_of(annotations)
    assert len(annotations.ignored) == 2


def test_images_beside_other_files_are_not_looked_through(tmp_path):
    """They are photos beside their annotations."""
    (tmp_path / "a.tif").write_bytes(FILES["a.tif"])
    (tmp_path / "notes.txt").write_text("")
    assert not read(IMAGEJ_OVERLAY, tmp_path).images
