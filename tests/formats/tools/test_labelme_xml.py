"""MIT LabelMe's files, as the program and its users write them."""

import numpy as np
import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read
from PIL import Image

from weakseg.errors import DataInvalid
from weakseg.formats.tools.labelme_xml import LABELME_XML
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Box, Mask, Polygon

POINTS = "".join(f"<pt><x>\n{x}\n</x><y>{y}</y></pt>" for x, y in ((1, 2), (5, 2), (5, 6), (1, 6)))
POLYGON = f"<polygon><username>me</username>{POINTS}</polygon>"
RING = "<polygon><pt><x>1</x><y>1</y></pt><pt><x>1</x><y>4</y></pt><pt><x>4</x><y>4</y></pt></polygon>"
OBJECT = f"<object><name>dog</name><deleted>0</deleted>{RING}</object>"
FILES = {"a.xml": f"<annotation><filename>a.png</filename>{OBJECT * 2}</annotation>"}
"""A small set of its files, for the contract test."""


def read_xml(tmp_path, objects, head="<filename>\na.png\n</filename><folder>set</folder>"):
    """What is read of one image."""
    size = "<imagesize><nrows>8</nrows><ncols>9</ncols></imagesize>"
    (tmp_path / "a.xml").write_text(f"<annotation>{head}{size}{objects}</annotation>")
    return read(LABELME_XML, tmp_path)


def one(shape, name="dog", other=""):
    """An object."""
    return f"<object><name>\n{name}\n</name><deleted>0</deleted>{other}{shape}</object>"


def test_polygons_are_read_without_the_line_breaks(tmp_path):
    """That the program writes around names and numbers."""
    annotations = read_xml(tmp_path, one(POLYGON))
    (image,) = annotations.images
    assert (image.name, image.size, image.marks[0].label) == ("set/a.png", (8, 9), "dog")
    assert isinstance(image.marks[0].shape, Polygon)
    assert image.marks[0].shape.parts[0][0].tolist() == [[2, 1], [2, 5], [6, 5], [6, 1]]


def test_boxes_are_polygons_with_a_type(tmp_path):
    """Of four points."""
    (mark,) = marks_of(read_xml(tmp_path, one(POLYGON, other="<type>bounding_box</type>")))
    assert mark.shape == Box(2, 1, 6, 5)


def segment(mask="a_mask_0.png", scribbles="<scribbles><scribble_name>a_scribble_0.png</scribble_name></scribbles>"):
    """A painted object."""
    return f"<segm><box/><mask>{mask}</mask>{scribbles}</segm>"


def test_masks_are_images_in_a_folder_beside(tmp_path):
    """As large as the image, and opaque by three fifths; the scribbles behind them are counted."""
    (tmp_path / "Masks").mkdir()
    opacity = np.zeros((8, 9), np.uint8)
    opacity[2:4, 3:5], opacity[4, 3] = 153, 60
    Image.fromarray(np.stack([opacity] * 4, -1)).save(tmp_path / "Masks" / "a_mask_0.png")
    annotations = read_xml(tmp_path, one(segment()))
    (mark,) = marks_of(annotations)
    assert isinstance(mark.shape, Mask)
    assert pixels_of(mark.shape, (8, 9)).inside.sum() == 4
    assert [each.kind for each in annotations.ignored] == ["scribbles"]
    assert annotations.used == ("Scribbles/a_scribble_0.png", "Masks/a_mask_0.png")


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (one(POLYGON).replace("<deleted>0", "<deleted>\n1\n"), "deleted"),
        (one(POLYGON, name=""), "class name"),
        (one("<polygon><pt><x>1</x><y>2</y></pt></polygon>"), "1 vertices"),
        (one("<polygon><pt><x></x><y>2</y></pt></polygon>"), "damaged"),
        (one("<polygon/>"), ""),
        (one(""), "no shape"),
        (one(segment(scribbles="")), "missing"),
        (one(segment("../../etc/passwd", scribbles="")), "path"),
    ],
)
def test_what_becomes_no_mark_is_counted_with_a_reason(tmp_path, thing, reason):
    """And the rest of the image is read."""
    annotations = read_xml(tmp_path, thing + one(POLYGON))
    assert len(marks_of(annotations)) == 1
    assert reason in annotations.ignored[0].reason


def test_the_size_and_the_folder_may_be_missing(tmp_path):
    """Old files lack both, and an image that was opened without marks has none."""
    (tmp_path / "a.xml").write_text(f"<annotation><filename>a.png</filename>{one(POLYGON)}</annotation>")
    source = "<source><sourceAnnotation>LabelMe Webtool</sourceAnnotation></source>"
    (tmp_path / "b.xml").write_text(f"<annotation><filename>b.png</filename>{source}</annotation>")
    annotations = read(LABELME_XML, tmp_path)
    assert [(image.name, image.size, len(image.marks)) for image in annotations.images] == [
        ("a.png", None, 1),
        ("b.png", None, 0),
    ]


def test_files_of_voc_are_others(tmp_path):
    """They have boxes."""
    box = "<bndbox><xmin>1</xmin></bndbox><polygon><x1>1</x1></polygon>"
    (tmp_path / "a.xml").write_text(
        f"<annotation><filename>a.png</filename><object><name>a</name>{box}</object></annotation>"
    )
    assert not read(LABELME_XML, tmp_path).images


def test_entities_are_refused(tmp_path):
    """They may grow without end."""
    (tmp_path / "a.xml").write_text('<!DOCTYPE a [<!ENTITY x "ha">]><annotation>&x;</annotation>')
    with pytest.raises(DataInvalid, match="entities"):
        read(LABELME_XML, tmp_path)


@needs_samples
def test_counts_equal_those_of_the_file():
    """Four polygons, a box and two masks."""
    annotations = read(LABELME_XML, SAMPLES / "labelme_mit_xml")
    assert [mark.kind for mark in marks_of(annotations)] == [
        "polygon",
        "mask",
        "polygon",
        "polygon",
        "box",
        "mask",
        "polygon",
    ]
    assert [each.kind for each in annotations.ignored] == ["scribbles", "scribbles"]
