"""ilastik's projects and exports, as the program and its users write them."""

import json
from io import BytesIO

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read

from weakseg.errors import DataInvalid
from weakseg.formats.science.ilastik import ILASTIK
from weakseg.marks.pixels import pixels_of

h5py = pytest.importorskip("h5py")

BLOCK = np.array([[0, 1, 1], [2, 0, 1]], np.uint8)
STREAM = BytesIO()
with h5py.File(STREAM, "w") as stored:
    stored["PixelClassification/LabelNames"] = np.array([b"cat", b"dog"])
    lane = stored.create_group("Input Data/infos/lane0000/Raw Data")
    lane["axisorder"], lane["filePath"] = b"yxc", b"a.png"
    labels = stored.create_dataset("PixelClassification/LabelSets/labels000/block0000", data=np.uint8([[[1], [2]]]))
    labels.attrs["blockSlice"] = "[0:1,0:2,0:1]"
FILES = {"a.ilp": STREAM.getvalue()}
"""A small set of its files, for the contract test."""


def project(path, blocks, axes="yxc", names=("cat", "dog"), **info):
    """Write a project with one image, and blocks of labels by where they lie."""
    with h5py.File(path, "w") as file:
        file["PixelClassification/LabelNames"] = np.array([name.encode() for name in names])
        raw = file.create_group("Input Data/infos/lane0000/Raw Data")
        for key, value in {"axisorder": axes, "filePath": "photos/a.png", "nickname": "a", **info}.items():
            if value is not None:
                raw[key] = value.encode()
        labels = file.create_group("PixelClassification/LabelSets/labels000")
        for number, (place, values) in enumerate(blocks):
            labels[f"block{number:04}"] = values
            labels[f"block{number:04}"].attrs["blockSlice"] = place
    return path


def export(path, values, axes="yx"):
    """Write an export."""
    with h5py.File(path, "w") as file:
        file["exported_data"] = values
        file["exported_data"].attrs["axistags"] = json.dumps({"axes": [{"key": axis} for axis in axes]})


def painted(annotations, size=(20, 30)):
    """The labels of the marks on an image, from 1."""
    canvas = np.zeros(size, int)
    for mark in marks_of(annotations):
        patch = pixels_of(mark.shape, size)
        patch.on(canvas)[patch.inside] = 1 + ["cat", "dog"].index(mark.label)
    return canvas


@pytest.mark.parametrize("axes", ["yxc", "xyc", "txyzc", "tzyxc", "cyx"])
def test_axes_are_those_of_the_image(tmp_path, axes):
    """x may come before y."""
    spans = {"y": "4:6", "x": "10:13"}
    values = BLOCK if axes.index("y") < axes.index("x") else BLOCK.T
    shape = [{"y": 2, "x": 3}.get(axis, 1) for axis in axes]
    place = f"[{','.join(spans.get(axis, '0:1') for axis in axes)}]"
    project(tmp_path / "a.ilp", [(place, values.reshape(shape))], axes)
    annotations = read(ILASTIK, tmp_path)

    expected = np.zeros((20, 30), int)
    expected[4:6, 10:13] = BLOCK
    assert (painted(annotations) == expected).all()
    assert annotations.classes == ("cat", "dog")


def test_older_projects_state_axes_as_tags(tmp_path):
    """In place of letters."""
    tags = json.dumps({"axes": [{"key": axis} for axis in "xyc"]})
    project(tmp_path / "a.ilp", [("[0:3,0:2,0:1]", BLOCK.T[:, :, None])], axisorder=None, axistags=tags)

    assert (painted(read(ILASTIK, tmp_path))[:2, :3] == BLOCK).all()


def test_labels_on_other_slices_are_counted(tmp_path):
    """Within a block and in others."""
    values = np.stack([BLOCK, BLOCK])[:, :, :, None]
    project(tmp_path / "a.ilp", [("[0:2,0:2,0:3,0:1]", values), ("[5:7,0:2,0:3,0:1]", values)], "tyxc")
    annotations = read(ILASTIK, tmp_path)

    assert (painted(annotations)[:2, :3] == BLOCK).all()
    assert [each.reason.split()[0] for each in annotations.ignored] == ["4", "8"]


@pytest.mark.parametrize(
    ("info", "there", "name"),
    [
        ({}, ("photos/a.png",), "photos/a.png"),
        ({}, (), "a"),
        ({"filePath": "b.h5/exported_data", "nickname": None}, (), "b.h5"),
        ({"filePath": None}, (), "a"),
    ],
)
def test_images_have_their_path_or_their_name(tmp_path, info, there, name):
    """Paths are of another machine, or into another file."""
    project(tmp_path / "a.ilp", [], **info)

    assert read(ILASTIK, tmp_path, sizes=dict.fromkeys(there, (9, 9)).get).images[0].name == name


def test_exported_labels_are_called_by_their_numbers(tmp_path):
    """The file has no names."""
    export(tmp_path / "a_Labels.h5", BLOCK.T, "xy")
    annotations = read(ILASTIK, tmp_path)

    assert annotations.images[0].name == "a"
    assert [mark.label for mark in marks_of(annotations)] == ["1", "2"]
    assert (pixels_of(marks_of(annotations)[0].shape, (9, 9)).inside == [[True, True], [False, True]]).all()
    assert "by their numbers" in annotations.notes[0]


class TestWhatUsersDo:
    """Files that break other readers."""

    def test_labels_are_exported_without_the_window(self, tmp_path):
        """All are 0 then (ilastik issue 3015)."""
        export(tmp_path / "a.h5", np.zeros((4, 5), np.uint8))

        assert "from its window" in read(ILASTIK, tmp_path).ignored[0].reason

    @pytest.mark.parametrize("values", [np.ones((4, 5), np.uint8), np.zeros((4, 5), np.float32)])
    def test_predictions_are_exported(self, tmp_path, values):
        """A segmentation has a label everywhere, and probabilities are fractions."""
        export(tmp_path / "a.h5", values)
        annotations = read(ILASTIK, tmp_path)

        assert not marks_of(annotations)
        assert "the program predicted" in annotations.ignored[0].reason

    def test_a_class_was_deleted(self, tmp_path):
        """And its labels were not; the others are read."""
        blocks = [("[0:2,0:3,0:1]", BLOCK[:, :, None]), ("[4:6,0:3,0:1]", (BLOCK == 1).astype(np.uint8)[:, :, None])]
        project(tmp_path / "a.ilp", blocks, names=("cat",))
        annotations = read(ILASTIK, tmp_path)

        assert [mark.label for mark in marks_of(annotations)] == ["cat", "cat"]
        assert "the label 2" in annotations.ignored[0].reason

    def test_nothing_was_drawn(self, tmp_path):
        """The project has its images alone."""
        project(tmp_path / "a.ilp", [])

        assert [image.marks for image in read(ILASTIK, tmp_path).images] == [()]

    def test_blocks_declare_more_than_they_hold(self, tmp_path):
        """Nothing of that size is made."""
        with h5py.File(project(tmp_path / "a.ilp", []), "a") as file:
            side = 2**20
            block = file.create_dataset(
                "PixelClassification/LabelSets/labels000/block0000", (side, side, 1), "u1", chunks=True
            )
            block.attrs["blockSlice"] = f"[0:{side},0:{side},0:1]"

        assert "a block of 1099511627776 pixels" in read(ILASTIK, tmp_path).ignored[0].reason

    def test_the_download_was_cut_off(self, tmp_path):
        """The file is counted."""
        content = project(tmp_path / "a.ilp", [("[0:2,0:3,0:1]", BLOCK[:, :, None])]).read_bytes()
        (tmp_path / "a.ilp").write_bytes(content[: len(content) // 2] + b"LabelSets")

        assert "damaged" in read(ILASTIK, tmp_path).ignored[0].reason


def test_without_the_package_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    """Nothing else of weakseg needs it."""
    project(tmp_path / "a.ilp", [])
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)

    with pytest.raises(DataInvalid, match=r"weakseg\[ilastik\]"):
        read(ILASTIK, tmp_path)


@needs_samples
def test_a_real_project_is_read():
    """One of its blocks lies on the first time step, the other on the third; axes are t, x, y, z, c."""
    annotations = read(ILASTIK, SAMPLES / "ilastik")

    with h5py.File(SAMPLES / "ilastik" / "mitocheckPixelClassification.ilp") as file:
        values = file["PixelClassification/LabelSets/labels000/block0001"][0, :, :, 0, 0].T
    counts = {mark.label: pixels_of(mark.shape, (200, 200)).inside.sum() for mark in marks_of(annotations)}
    assert counts == {f"Label {value}": (values == value).sum() for value in np.unique(values[values > 0])}
    assert all(mark.shape.top >= 16 and mark.shape.left >= 25 for mark in marks_of(annotations))
    assert "other slices" in annotations.ignored[0].reason


def test_a_heap_without_an_end_is_refused(tmp_path):
    """A damaged one sends the HDF5 library round for ever."""
    content = bytearray(FILES["a.ilp"])
    at = content.index(b"GCOL")
    place = at + 16
    while int.from_bytes(content[place : place + 2], "little"):
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    content[place + 8 : place + 16] = bytes(8)
    (tmp_path / "a.ilp").write_bytes(bytes(content))
    (ignored,) = read(ILASTIK, tmp_path).ignored
    assert ignored.reason == "damaged: a heap of texts has no end"


def test_a_text_longer_than_its_file_takes_no_memory(tmp_path):
    """The HDF5 library would make room for its 4 GB first."""
    content = bytearray(FILES["a.ilp"])
    with h5py.File(BytesIO(FILES["a.ilp"])) as file:
        at = file["Input Data/infos/lane0000/Raw Data/axisorder"].id.get_offset()
    content[at : at + 4] = b"\xff\xff\xff\xf0"
    (tmp_path / "a.ilp").write_bytes(content)
    annotations = read(ILASTIK, tmp_path)
    assert not annotations.images
    assert "a text of 4,043,309,055 bytes" in annotations.ignored[0].reason


def test_a_text_in_the_last_of_many_heaps_is_looked_at(tmp_path):
    """The library begins at the end of the file."""
    stream = BytesIO(FILES["a.ilp"])
    with h5py.File(stream, "r+") as file:
        texts = file.create_dataset("PixelClassification/notes", data=["a" * 40_000] * 300, dtype=h5py.string_dtype())
        at = texts.id.get_offset()
    content = bytearray(stream.getvalue())
    content[at : at + 4] = b"\xff\xff\xff\xf0"
    (tmp_path / "a.ilp").write_bytes(content)
    assert "a text of 4,043,309,055 bytes" in read(ILASTIK, tmp_path).ignored[0].reason
