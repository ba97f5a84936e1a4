"""Images too large to be read whole, imported as the windows that hold marks."""

import json

import numpy as np
import pytest
import rasters

from weakseg.data.folder.folder import Folder
from weakseg.data.imports import large_windows
from weakseg.data.imports.import_marks import import_marks
from weakseg.marks.uses import Uses
from weakseg.types import UNLABELED


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Import shapes on an image of 200 x 150 pixels, which is large here, by windows of 64."""
    monkeypatch.setattr(large_windows, "LARGE", 100)
    monkeypatch.setattr(large_windows, "SIDE", 64)
    values = rasters.scene(200, 150)
    (tmp_path / "images").mkdir()
    rasters.write(tmp_path / "images" / "slide.tif", values, tile=(64, 64), compression="adobe_deflate")

    def do(*shapes):
        told = [{"label": label, "points": points, "shape_type": kind} for label, kind, points in shapes]
        entry = {"version": "5", "imagePath": "slide.tif", "imageHeight": 200, "imageWidth": 150, "shapes": told}
        (tmp_path / "slide.json").write_text(json.dumps(entry))
        made = import_marks([tmp_path / "slide.json"], tmp_path / "images", tmp_path / "data", Uses())
        return made, Folder(str(tmp_path / "data"), split="all"), values

    return do


def test_windows_hold_marks_and_the_pixels_of_their_place(imported):
    """A line over two windows and a polygon at the end of the image: three windows, whose labels fit together."""
    line = ("road", "linestrip", [[10, 30], [100, 30]])
    area = ("field", "polygon", [[130, 193], [149, 193], [149, 199], [130, 199]])
    _, folder, values = imported(line, area)
    assert folder.keys == ("slide@0x0", "slide@64x0", "slide@86x136")
    seeds = np.full((200, 150), UNLABELED)
    for key, sample in zip(folder.keys, folder, strict=True):
        left, top = map(int, key.split("@")[1].split("x"))
        shown = values[top : top + 64, left : left + 64].transpose(2, 0, 1) / np.float32(255)
        np.testing.assert_array_equal(sample.image, shown)
        seeds[top : top + 64, left : left + 64] = sample.seeds
    road, field = map(folder.classes.names.index, ("road", "field"))
    assert (seeds[29:31, 10:100] == road).all()
    assert (seeds[34:60] == UNLABELED).all()
    assert (seeds[193:199, 130:149] == field).all()
    assert (seeds == field).sum() == 6 * 19


def test_boxes_are_kept_only_where_a_window_shows_all_of_them(imported):
    """A box that a window cuts is no box there, nor are the others of its class; elsewhere boxes are moved."""
    whole, other = ("cow", "rectangle", [[10, 10], [40, 30]]), ("cow", "rectangle", [[70, 80], [90, 110]])
    cut, point = ("cow", "rectangle", [[50, 5], [80, 20]]), ("grass", "point", [[5, 5]])
    _, folder, _ = imported(whole, other, cut, point)
    boxes = {key: sample.boxes.tolist() for key, sample in zip(folder.keys, folder, strict=True)}
    cow = float(folder.classes.names.index("cow"))
    assert boxes == {"slide@0x0": [], "slide@64x64": [[cow, 80 - 64, 70 - 64, 110 - 64, 90 - 64]]}


def test_marks_outside_are_told_and_clicks_on_the_last_edge_kept(imported):
    """A point behind the image is reported; one on its last edge is of the last pixel."""
    made, folder, _ = imported(("a", "point", [[150, 200]]), ("b", "point", [[400, 400]]))
    assert [problem.found for problem in made.problems] == [
        "slide: a point lies outside the image, 150 wide and 200 high"
    ]
    (sample,) = folder
    assert [stroke.points.tolist() for stroke in sample.strokes] == [[[63.0, 63.0]]]


@pytest.mark.parametrize("layout", [(2, np.uint16), (1, np.uint8), (5, np.uint8)])
def test_windows_keep_stored_values(tmp_path, layout):
    """Channels and depth of a window are those of the file."""
    channels, dtype = layout
    values = (rasters.scene(96, 80, channels).astype(dtype) * (200 if dtype == np.uint16 else 1)).astype(dtype)
    path = (
        rasters.write(tmp_path / "a.tif", values, tile=(32, 32), photometric="minisblack", planarconfig="contig")
        if channels > 1
        else rasters.write(tmp_path / "a.tif", values[:, :, 0], tile=(32, 32))
    )
    with large_windows.opened_raster(path) as raster:
        large_windows.write_window(raster, large_windows.Window(20, 10, 40, 50), tmp_path / "b.tif")
    with large_windows.opened_raster(tmp_path / "b.tif") as part:
        read = part.read(large_windows.Window(0, 0, 40, 50)).values
    np.testing.assert_array_equal(read, values[20:60, 10:60])


def test_a_line_on_the_border_of_two_windows_is_in_both(imported):
    """Its width reaches beyond its points."""
    _, folder, _ = imported(("road", "linestrip", [[10, 64], [50, 64]]), ("field", "point", [[5, 5]]))
    drawn = {
        key: sample.seeds == folder.classes.names.index("road") for key, sample in zip(folder.keys, folder, strict=True)
    }
    assert drawn["slide@0x0"][63, 10:50].all()
    assert drawn["slide@0x64"][0, 10:50].all()
