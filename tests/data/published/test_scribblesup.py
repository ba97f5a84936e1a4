"""Promises of the ScribbleSup readers, on files in the published formats."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from dataset_contract import check_dataset
from PIL import Image

from weakseg.data.published.scribblesup import ScribbleMaps, ScribbleSup
from weakseg.data.published.voc import VOC_CLASSES
from weakseg.data.relabel import fully_labelled
from weakseg.data.sample import Dataset
from weakseg.data.view import view, whole
from weakseg.errors import DataInvalid
from weakseg.types import PRESENT, UNLABELED, UNTOLD, Classes


@dataclass(frozen=True)
class Images:
    """Two images of 20 by 30 pixels, with masks and a rim of void."""

    keys: tuple[str, ...] = ("2008_1", "2008_2")
    classes: Classes = VOC_CLASSES

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, index):
        truth = np.zeros((20, 30), int)
        truth[0] = UNLABELED
        return fully_labelled(self.keys[index], np.zeros((3, 20, 30), np.float32), truth, 21)


def polygon(tag, *points):
    """A scribble as ScribbleSup writes it."""
    spots = "".join(f"<point><X>{x}</X><Y>{y}</Y></point>" for x, y in points)
    return f"<polygon><tag>{tag}</tag>{spots}</polygon>"


def write(folder, *polygons, size="<size><width>30</width><height>20</height><depth>3</depth></size>", head=""):
    """The XML file of the first image."""
    text = (
        f"{head}<annotation><folder>anno</folder><filename>2008_1.png</filename>{size}{''.join(polygons)}</annotation>"
    )
    (folder / "2008_1.xml").write_text(text)


def read(folder):
    """The first image with its scribbles."""
    return ScribbleSup(Images(), str(folder))[0]


def test_both_keep_the_contract_of_data_sets(tmp_path):
    """As curves, and as label maps."""
    for key in reversed(Images().keys):
        write(tmp_path, polygon("person", (2, 3), (20, 3), (20, 15)))
        (tmp_path / "2008_1.xml").rename(tmp_path / f"{key}.xml")
        marks = np.full((20, 30), 255, np.uint8)
        marks[3, 2:20] = 15
        Image.fromarray(marks).save(tmp_path / f"{key}.png")
    check_dataset(ScribbleSup(Images(), str(tmp_path)))
    check_dataset(ScribbleMaps(Images(), str(tmp_path)))


def test_scribbles_are_open_curves_of_row_and_column(tmp_path):
    """Points come as (x, y) and are kept as geometry; the last is not joined to the first."""
    write(tmp_path, polygon("person", (2, 3), (20, 3), (20, 15)))
    (stroke,) = read(tmp_path).strokes
    assert stroke.points.tolist() == [[3, 2], [3, 20], [15, 20]]
    assert stroke.width_px == 3
    seeds = view(read(tmp_path), whole(), (20, 30)).weak.seeds[0]
    assert seeds[3, 10] == seeds[10, 20] == VOC_CLASSES.names.index("person")
    assert seeds[9, 11] == UNLABELED


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("background", "background"),
        ("plane", "aeroplane"),
        ("bike", "bicycle"),
        ("table", "diningtable"),
        ("motorbike", "motorbike"),
        ("plant", "pottedplant"),
        ("monitor", "tvmonitor"),
        ("sofa", "sofa"),
    ],
)
def test_convention_names_are_those_of_voc(tmp_path, tag, name):
    """ScribbleSup has names of its own for some classes."""
    write(tmp_path, polygon(tag, (2, 3), (9, 3)))
    assert VOC_CLASSES.names[read(tmp_path).strokes[0].label] == name


def test_scribbles_replace_the_labels_of_the_samples(tmp_path):
    """Masks are no training label any more; what is scribbled is present, of the rest nobody said."""
    write(tmp_path, polygon("dog", (2, 3)), polygon("background", (9, 9), (12, 9)), polygon("dog", (5, 5)))
    sample = read(tmp_path)
    assert (sample.seeds == UNLABELED).all()
    assert [stroke.label for stroke in sample.strokes] == [12, 0, 12]
    assert np.flatnonzero(sample.tags == PRESENT).tolist() == [0, 12]
    assert (sample.tags == UNTOLD).sum() == 19
    assert sample.truth is not None


def test_unknown_classes_are_told_all_at_once(tmp_path):
    """Each wrong scribble is one finding that names the file and the class."""
    write(tmp_path, polygon("dgo", (2, 3)), polygon("cat", (1, 1)), polygon("unicorn", (2, 3)))
    with pytest.raises(DataInvalid) as error:
        read(tmp_path)
    assert len(error.value.problems) == 2
    for part in ("dgo", "unicorn", "2008_1.xml"):
        assert part in str(error.value)


BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("head", [BOMB, OUTSIDE, '<!DOCTYPE a SYSTEM "http://localhost/a.dtd">'])
def test_hostile_files_are_refused(tmp_path, head):
    """Entities that multiply, or that reach for other files, are never expanded."""
    write(tmp_path, polygon("&c;" if "c" in head else "&b;", (2, 3)), head=head)
    with pytest.raises(DataInvalid, match=r"2008_1\.xml declares"):
        read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<annotation><polygon>",
        "<html></html>",
        "<annotation><polygon><tag>dog</tag></polygon></annotation>",
        f"<annotation>{polygon('dog', ('two', 3))}</annotation>",
        f"<annotation>{polygon('dog', ('nan', 3))}</annotation>",
        "<annotation><polygon><tag>dog</tag><point><X>2</X></point></polygon></annotation>",
        "<?xml version='1.0' encoding='no-such'?><annotation></annotation>",
    ],
)
def test_damaged_files_are_named(tmp_path, text):
    """Cut, foreign, without points, or with points that are no numbers."""
    (tmp_path / "2008_1.xml").write_text(text)
    with pytest.raises(DataInvalid, match=r"2008_1\.xml"):
        read(tmp_path)


def test_files_of_other_images_are_refused(tmp_path):
    """The size in the file is that of its image; a file without one is taken on trust."""
    write(tmp_path, size="<size><width>20</width><height>30</height></size>")
    with pytest.raises(DataInvalid, match="20 wide and 30 high"):
        read(tmp_path)
    write(tmp_path, polygon("dog", (2, 3)), size="")
    assert len(read(tmp_path).strokes) == 1


def test_missing_files_are_named(tmp_path):
    """An image without its file is not taken for an image without scribbles."""
    with pytest.raises(DataInvalid, match=r"2008_1\.xml"):
        read(tmp_path)
    with pytest.raises(DataInvalid, match=r"2008_1\.png"):
        ScribbleMaps(Images(), str(tmp_path))[0]
    with pytest.raises(DataInvalid, match="nowhere"):
        ScribbleSup(Images(), "nowhere")[0]


def write_map(folder, values):
    """The grey label map of the first image."""
    Image.fromarray(values).save(folder / "2008_1.png")


def test_label_maps_are_read(tmp_path):
    """255 is where nobody drew, 0 is background, and void is never a label."""
    values = np.full((20, 30), 255, np.uint8)
    values[:3, 4], values[10:14, 9] = 0, 15
    write_map(tmp_path, values)
    sample = ScribbleMaps(Images(), str(tmp_path))[0]
    assert (sample.seeds[10:14, 9] == 15).all()
    assert (sample.seeds == 0).sum() == 2
    assert sample.seeds[0, 4] == UNLABELED
    assert np.flatnonzero(sample.tags == PRESENT).tolist() == [0, 15]
    assert sample.strokes == ()


@pytest.mark.parametrize("values", [np.full((20, 30), 21, np.uint8), np.zeros((30, 20), np.uint8)])
def test_bad_label_maps_are_named(tmp_path, values):
    """Undeclared values and other sizes are refused."""
    write_map(tmp_path, values)
    with pytest.raises(DataInvalid, match=r"2008_1\.png"):
        ScribbleMaps(Images(), str(tmp_path))[0]


@pytest.mark.parametrize("kind", [ScribbleSup, ScribbleMaps])
def test_scribbles_are_a_dataset_that_travels(tmp_path, kind):
    """It satisfies the protocol, hashes and pickles, with the keys of its samples."""
    data = kind(Images(), str(tmp_path))
    assert isinstance(data, Dataset)
    assert data.keys == ("2008_1", "2008_2")
    assert hash(pickle.loads(pickle.dumps(data))) == hash(data)
