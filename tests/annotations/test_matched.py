"""Annotations and the images they belong to."""

import json

import numpy as np
import pytest
from PIL import Image

from weakseg.annotations.matched import matched
from weakseg.errors import DataInvalid

SHAPE = {"label": "dog", "points": [[0, 0], [4, 0], [4, 4]]}


@pytest.fixture
def images(tmp_path):
    """Two images, 9 wide and 6 high; one is turned by its EXIF orientation."""
    photo = Image.fromarray(np.zeros((9, 6), np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    photo.save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(np.zeros((6, 9), np.uint8)).save(tmp_path / "plain.png")
    return {"turned": tmp_path / "turned.jpg", "plain": tmp_path / "plain.png"}


def annotated(folder, name, height=6, width=9, file=None):
    """A file of annotations about one image."""
    content = {"shapes": [SHAPE], "imagePath": name, "imageHeight": height, "imageWidth": width}
    path = folder / (file or f"{name}.json")
    path.write_text(json.dumps(content))
    return path


def test_marks_find_their_images(tmp_path, images):
    """Sizes are those of the images as viewers show them; several files about an image add up."""
    files = [annotated(tmp_path, "turned.jpg"), annotated(tmp_path, "plain.png")]
    found = matched([*files, annotated(tmp_path, "plain.png", file="more.json")], images)

    assert found.sizes == {"turned": (6, 9), "plain": (6, 9)}
    assert len(found.images["plain"].marks) == 2


def test_marks_without_an_image_are_kept_apart(tmp_path, images):
    """They are no error as long as others have one."""
    found = matched([annotated(tmp_path, "plain.png"), annotated(tmp_path, "lost.png")], images)

    assert [image.name for image in found.without_image] == ["lost.png"]


def test_all_sizes_that_do_not_fit_are_told_at_once(tmp_path, images):
    """An image that was turned gets other advice than one that was resized."""
    files = [annotated(tmp_path, "turned.jpg", 9, 6), annotated(tmp_path, "plain.png", 12, 18)]
    with pytest.raises(DataInvalid) as caught:
        matched(files, images)

    turned, resized = caught.value.problems
    assert "EXIF" in turned.fix
    assert "resized" in resized.fix


def test_no_image_at_all_is_an_error(tmp_path, images):
    """It shows a name of each side."""
    with pytest.raises(DataInvalid, match="'lost.png'") as caught:
        matched([annotated(tmp_path, "lost.png")], images)

    assert "turned.jpg" in caught.value.expected
