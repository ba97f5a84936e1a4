"""Pascal VOC's files, as programs and their users write them."""

import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read

from weakseg.formats.sets.voc_xml import VOC_XML
from weakseg.marks.shapes import Box, Polygon

BOX = "<bndbox><xmin>3</xmin><ymin>2</ymin><xmax>7</xmax><ymax>4</ymax></bndbox>"
SIZE = "<size><width>10</width><height>5</height><depth>3</depth></size>"
FILES = {
    "a.xml": """<annotation><filename>a.png</filename><size><width>9</width><height>8</height></size>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
<object><name>cat</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
</annotation>"""
}
"""A small set of its files, for the contract test."""


def written(folder, *objects, name="a", filename="<filename>a.jpg</filename>", size=SIZE):
    """Write a file."""
    inside = "".join(f"<object><name>dog</name>{each}</object>" for each in objects)
    (folder / f"{name}.xml").write_text(f"<annotation>{filename}{size}{inside}</annotation>")


def shape_of(tmp_path, inside):
    """The shape of the only object."""
    written(tmp_path, inside)
    (mark,) = marks_of(read(VOC_XML, tmp_path))
    return mark.shape


def bounds(left, top, right, bottom):
    """A box with these numbers."""
    return f"<bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox>"


def test_pixels_are_counted_from_1_and_the_last_is_inside(tmp_path):
    """A box of one pixel begins and ends at its number."""
    assert shape_of(tmp_path, BOX) == Box(1, 2, 4, 7)
    assert shape_of(tmp_path, bounds(1, 1, 1, 1)) == Box(0, 0, 1, 1)


def test_a_box_that_begins_at_0_proves_that_all_do(tmp_path):
    """The numbers are then edges, in the other files too, which is stated."""
    written(tmp_path, BOX)
    written(tmp_path, bounds(0, 2, 4, 4), name="b")
    annotations = read(VOC_XML, tmp_path)

    assert [mark.shape for mark in marks_of(annotations)] == [Box(2, 3, 4, 7), Box(2, 0, 4, 4)]
    assert "b.xml has a box that begins at 0" in annotations.notes[0]


def test_difficult_objects_are_boxes(tmp_path):
    """They are where they are said to be; only their absence would prove nothing."""
    assert shape_of(tmp_path, "<difficult>1</difficult>" + BOX) == Box(1, 2, 4, 7)


def test_parts_are_counted(tmp_path):
    """A head is no class of the image, and its box no box of an object."""
    written(tmp_path, BOX + f"<part><name>head</name>{BOX}</part>")
    annotations = read(VOC_XML, tmp_path)

    assert len(marks_of(annotations)) == 1
    assert annotations.ignored[0].kind == "part"


def test_polygons_and_rotated_boxes_come_before_boxes(tmp_path):
    """Roboflow writes polygons, roLabelImg rotated boxes, whose angle is in radians."""
    polygon = shape_of(
        tmp_path, BOX + "<polygon><x1>1</x1><y1>2</y1><x2>5</x2><y2>2</y2><x3>5</x3><y3>4</y3></polygon>"
    )
    assert isinstance(polygon, Polygon)
    assert polygon.parts[0][0].tolist() == [[2, 1], [2, 5], [4, 5]]

    turned = "<robndbox><cx>5</cx><cy>3</cy><w>4</w><h>2</h><angle>1.5707963267948966</angle></robndbox>"
    assert shape_of(tmp_path, turned) == Box(2, 3, 4, 7, 90.0)


def test_a_file_without_objects_is_an_image_without_marks(tmp_path):
    """It says nothing of the classes."""
    written(tmp_path)
    (image,) = read(VOC_XML, tmp_path).images

    assert (image.name, image.size, image.marks, image.absent) == ("a.jpg", (5, 10), (), ())


class TestWhatUsersDo:
    """Files that break other readers."""

    @pytest.mark.parametrize("filename", ["", "<filename>old.jpg</filename>", "<path>C:\\old\\old.jpg</path>"])
    def test_images_are_renamed_after_they_were_annotated(self, tmp_path, filename):
        """The name in the file is that of long ago, or of another machine."""
        written(tmp_path, BOX, filename=filename)

        assert read(VOC_XML, tmp_path, sizes={"a": (5, 10)}.get).images[0].name == "a"

    @pytest.mark.parametrize("size", ["", "<size/>", "<size><width>0</width><height>0</height></size>"])
    def test_the_size_is_missing_or_0(self, tmp_path, size):
        """labelImg issue 59."""
        written(tmp_path, BOX, size=size)
        (image,) = read(VOC_XML, tmp_path).images

        assert image.size is None
        assert len(image.marks) == 1

    def test_numbers_are_fractions(self, tmp_path):
        """PaddleLabel issue 81."""
        assert shape_of(tmp_path, bounds("3.5", " 2.25 ", "7.5", "4")) == Box(1.25, 2.5, 4, 7.5)

    def test_boxes_are_empty_or_turned_around(self, tmp_path):
        """SCUT-HEAD issue 4: the others are kept."""
        written(tmp_path, bounds(5, 2, 3, 4), bounds("nan", 1, 2, 2), bounds("x", 1, 2, 2), BOX, "<pose/>")
        annotations = read(VOC_XML, tmp_path)

        assert len(marks_of(annotations)) == 1
        assert [each.place.rpartition(" ")[2] for each in annotations.ignored] == ["1", "2", "3", "5"]

    def test_names_have_spaces_around_them(self, tmp_path):
        """Files are indented by hand."""
        text = f"<annotation><object><name>\n  dog </name>{BOX}</object></annotation>"
        (tmp_path / "a.xml").write_text(text)

        assert marks_of(read(VOC_XML, tmp_path))[0].label == "dog"

    def test_other_programs_write_annotation_too(self, tmp_path):
        """The polygons of the old LabelMe are another format."""
        point = "<pt><x>1</x><y>2</y></pt>"
        written(tmp_path, f"<polygon>{point * 3}</polygon>")

        assert not read(VOC_XML, tmp_path).images


@needs_samples
def test_real_files_are_read():
    """The original set's count from 1, Roboflow's from 0; its other files agree on the boxes."""
    original = read(VOC_XML, SAMPLES / "voc")
    assert [mark.shape for mark in marks_of(original)] == [Box(1, 0, 4, 3), Box(4, 3, 7, 6)]
    assert [each.kind for each in original.ignored] == ["part"]

    roboflow = read(VOC_XML, SAMPLES / "roboflow" / "voc")
    assert [mark.shape for mark in marks_of(roboflow)] == [Box(1, 2, 2, 5), Box(0, 0, 2, 1), Box(0, 0, 1, 9)]
