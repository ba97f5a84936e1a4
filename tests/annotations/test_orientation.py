"""Marks on photos that their EXIF orientation turns."""

import json

import numpy as np
import pytest
from PIL import Image

from weakseg.annotations.matched import matched
from weakseg.data.images.image_file import read_image
from weakseg.data.images.orientation import TAG, turned_back
from weakseg.data.images.stored import Reading
from weakseg.errors import DataInvalid
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses

SHOWN = np.zeros((48, 72), np.uint8)
SHOWN[8:16, 40:64] = 255
"""The photo as viewers show it: an object that lies differently in each orientation."""
BOX = (40, 8, 64, 16)
"""Left, top, right and bottom of the object."""
CORNERS = [[40, 8], [64, 8], [64, 16], [40, 16]]
EACH = range(1, 9)


def photo(folder, orientation):
    """The photo, stored so that it is shown upright."""
    exif = Image.Exif()
    exif[TAG] = orientation
    path = folder / "a.jpg"
    Image.fromarray(np.ascontiguousarray(turned_back(SHOWN, orientation))).save(path, exif=exif, quality=95)
    return path


def label_studio(size):
    """A polygon of Label Studio, in percent."""
    height, width = size
    points = [[100 * x / width, 100 * y / height] for x, y in CORNERS]
    value = {"points": points, "closed": True, "polygonlabels": ["dog"]}
    result = {"type": "polygonlabels", "value": value, "original_width": width, "original_height": height}
    return "a.json", json.dumps([{"data": {"image": "a.jpg"}, "annotations": [{"result": [result]}]}])


def labelme(size):
    """A polygon of LabelMe."""
    shape = {"label": "dog", "points": CORNERS, "shape_type": "polygon"}
    sides = {"imageHeight": size[0], "imageWidth": size[1]}
    return "a.json", json.dumps({"shapes": [shape], "imagePath": "a.jpg", **sides})


def cvat(size):
    """A polygon of CVAT."""
    points = ";".join(f"{x},{y}" for x, y in CORNERS)
    polygon = f'<polygon label="dog" points="{points}"/>'
    image = f'<image id="0" name="a.jpg" width="{size[1]}" height="{size[0]}">{polygon}</image>'
    return "a.xml", f"<annotations>{image}</annotations>"


def via(size):
    """A polygon of VIA, which states no size."""
    xs, ys = ([corner[axis] for corner in CORNERS] for axis in (0, 1))
    shape = {"name": "polygon", "all_points_x": xs, "all_points_y": ys}
    region = {"shape_attributes": shape, "region_attributes": {"class": "dog"}}
    return "a.json", json.dumps({"a": {"filename": "a.jpg", "regions": [region], "size": 1}})


def qupath(size):
    """A polygon of QuPath."""
    geometry = {"type": "Polygon", "coordinates": [[*CORNERS, CORNERS[0]]]}
    properties = {"objectType": "annotation", "classification": {"name": "dog"}}
    return "a.geojson", json.dumps([{"type": "Feature", "geometry": geometry, "properties": properties}])


def napari(size):
    """A polygon of napari: rows before columns, centres of pixels."""
    rows = [f"0,polygon,{n},{y - 0.5},{x - 0.5}" for n, (x, y) in enumerate(CORNERS)]
    return "a_dog.csv", "\n".join(["index,shape-type,vertex-index,axis-0,axis-1", *rows])


def read(folder, tool, size, path, reading):
    """The labels of the photo by a tool's file."""
    name, text = tool(size)
    (folder / name).write_text(text)
    image = matched([folder / name], {"a": path}, reading).images["a"]
    return labels_of(image, size, 1, ["dog"].index, Uses()).seeds == 0


UPRIGHT, STORED = Reading(), Reading(upright=False)


@pytest.mark.parametrize("orientation", EACH)
@pytest.mark.parametrize("tool", [label_studio, labelme, cvat, via])
def test_tools_that_turn_photos_mark_what_they_show(tmp_path, tool, orientation):
    """All eight orientations; where photos are read as they are stored, the marks are refused."""
    path = photo(tmp_path, orientation)
    marked = read(tmp_path, tool, SHOWN.shape, path, UPRIGHT)
    assert (marked == (read_image(path)[0] > 0.5)).all()
    if orientation > 1:
        with pytest.raises(DataInvalid, match="EXIF orientation") as caught:
            read(tmp_path, tool, SHOWN.shape, path, STORED)
        assert len(caught.value.problems) == 0


@pytest.mark.parametrize("orientation", EACH)
@pytest.mark.parametrize("tool", [qupath, napari])
def test_tools_that_do_not_turn_photos_mark_what_is_stored(tmp_path, tool, orientation):
    """Their marks are refused in one sentence where photos are turned, and land where they are not."""
    path = photo(tmp_path, orientation)
    stored = read_image(path, STORED)[0] > 0.5
    if orientation > 1:
        with pytest.raises(DataInvalid, match="which the program of its annotations ignores") as caught:
            read(tmp_path, tool, stored.shape, path, UPRIGHT)
        assert 'exif = "ignore"' in caught.value.fix
    # The same corners, where the program shows the photo as it is stored.
    assert read(tmp_path, tool, stored.shape, path, STORED)[8:16, 40:].any()


@pytest.mark.parametrize("orientation", range(5, 9))
@pytest.mark.parametrize("tool", [label_studio, labelme, cvat])
def test_a_size_that_was_not_turned_is_refused(tmp_path, tool, orientation):
    """Some exports state the stored size."""
    with pytest.raises(DataInvalid, match="72 by 48|48 by 72") as caught:
        read(tmp_path, tool, SHOWN.shape[::-1], photo(tmp_path, orientation), UPRIGHT)
    assert "EXIF" in caught.value.fix
