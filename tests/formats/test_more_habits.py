"""What people do with more of their tools that other readers fail on: five for each."""

import base64
import io
import zlib

import numpy as np
import pytest
from annotation_files import marks_of, read, read_json
from PIL import Image

from weakseg.formats.science.napari import NAPARI
from weakseg.formats.tools.darwin import DARWIN
from weakseg.formats.tools.labelme_xml import LABELME_XML
from weakseg.formats.tools.supervisely import SUPERVISELY


def labels(annotations):
    """The classes of all marks, in order."""
    return [mark.label for mark in marks_of(annotations)]


class TestNapari:
    """Tables of layers."""

    SHAPES = "index,shape-type,vertex-index,axis-0,axis-1\n"
    LINE = "0,path,0,1,2\n0,path,1,5,6\n"

    def read(self, folder, text):
        """What is read of a table of the class dog."""
        (folder / "a").mkdir()
        (folder / "a" / "dog.csv").write_text(text)
        return read(NAPARI, folder, lambda name: (80, 100) if name == "a" else None)

    @pytest.mark.parametrize("text", [SHAPES, "index,axis-0,axis-1\n", "index,axis-0,axis-1"])
    def test_layers_that_are_empty(self, tmp_path, text):
        """Every layer is saved, drawn in or not."""
        annotations = self.read(tmp_path, text)
        assert not labels(annotations)
        assert not annotations.ignored

    def test_tables_that_pandas_saved_again(self, tmp_path):
        """It puts numbers of its own in front, and makes fractions of the others."""
        text = ",index,shape-type,vertex-index,axis-0,axis-1\n0,0.0,path,0.0,1.0,2.0\n1,0.0,path,1.0,5.0,6.0\n"
        (mark,) = marks_of(self.read(tmp_path, text))
        assert mark.shape.points.tolist() == [[1.5, 2.5], [5.5, 6.5]]

    def test_points_with_features(self, tmp_path):
        """Columns of measurements stand between and behind the coordinates."""
        annotations = self.read(tmp_path, "index,axis-0,area,axis-1,good\n0,1,900,2,True\n")
        (mark,) = marks_of(annotations)
        assert (mark.label, mark.shape.row, mark.shape.column) == ("dog", 1.5, 2.5)

    def test_coordinates_that_are_no_numbers(self, tmp_path):
        """A layer of another program has nan; the other points are kept."""
        annotations = self.read(tmp_path, "index,axis-0,axis-1\n0,nan,2\n1,1,2\n2,,4\n")
        assert labels(annotations) == ["dog"]
        assert len(annotations.ignored) == 2

    def test_other_tables_beside_them(self, tmp_path):
        """A folder holds measurements as well, which are nobody's marks."""
        (tmp_path / "measured.csv").write_text("label,area\n1,20\n")
        annotations = self.read(tmp_path, self.SHAPES + self.LINE)
        assert labels(annotations) == ["dog"]
        assert not annotations.ignored


class TestSupervisely:
    """Projects that converters fail on."""

    SQUARE = {"exterior": [[10, 10], [10, 40], [40, 40]], "interior": []}

    def read(self, folder, *objects, **more):
        """What is read of one image."""
        content = {"size": {"height": 80, "width": 100}, "tags": [], "objects": list(objects), **more}
        return read_json(SUPERVISELY, folder, content, name="a.png.json")

    def test_objects_that_say_what_they_are_not(self, tmp_path):
        """Older exports have no kind; a bitmap that is null beside corners, and no corners beside a bitmap."""
        stream = io.BytesIO()
        Image.fromarray(np.full((2, 3), 255, np.uint8)).save(stream, "PNG")
        data = base64.b64encode(zlib.compress(stream.getvalue())).decode()
        polygon = {"classTitle": "dog", "bitmap": None, "points": self.SQUARE}
        empty = {"exterior": [], "interior": []}
        bitmap = {"classTitle": "cat", "bitmap": {"data": data, "origin": [4, 5]}, "points": empty}
        annotations = self.read(tmp_path, polygon, bitmap)
        assert [(mark.label, mark.kind) for mark in marks_of(annotations)] == [("dog", "polygon"), ("cat", "mask")]

    def test_polygons_without_an_interior(self, tmp_path):
        """Scripts leave it out, or write null."""
        for points in ({"exterior": self.SQUARE["exterior"]}, {**self.SQUARE, "interior": None}):
            one = {"classTitle": "dog", "geometryType": "polygon", "points": points}
            assert labels(self.read(tmp_path, one)) == ["dog"]

    def test_annotations_without_their_project(self, tmp_path):
        """meta.json was not copied; objects name their class themselves."""
        one = {"classId": 7, "classTitle": "dog", "geometryType": "polygon", "points": self.SQUARE}
        annotations = self.read(tmp_path, one, {**one, "classTitle": None})
        assert labels(annotations) == ["dog"]
        assert len(annotations.ignored) == 1

    def test_corners_of_rectangles_in_any_order(self, tmp_path):
        """They are those of a drag."""
        corners = {"exterior": [[40, 10], [10, 30]], "interior": []}
        (mark,) = marks_of(self.read(tmp_path, {"classTitle": "a", "geometryType": "rectangle", "points": corners}))
        assert (mark.shape.top, mark.shape.left, mark.shape.bottom, mark.shape.right) == (10, 10, 31, 41)

    def test_tags_with_values(self, tmp_path):
        """A number, a text or null; the name is the tag."""
        tags = [{"name": "day", "value": None}, {"name": "count", "value": 3}]
        (image,) = self.read(tmp_path, tags=tags).images
        assert image.present == ("day", "count")


class TestDarwin:
    """Items that importers fail on."""

    PATH = [{"x": 10, "y": 10}, {"x": 10, "y": 40}, {"x": 40, "y": 40}]

    def read(self, folder, *annotations, **item):
        """What is read of one item."""
        slot = {"slot_name": "0", "width": 100, "height": 80}
        content = {"item": {"name": "a.png", "path": "/", "slots": [slot], **item}, "annotations": list(annotations)}
        return read_json(DARWIN, folder, content)

    def test_boxes_whose_numbers_come_in_any_order(self, tmp_path):
        """Readers that take them in order exchange width and height."""
        (mark,) = marks_of(self.read(tmp_path, {"name": "dog", "bounding_box": {"h": 3, "w": 7, "x": 1, "y": 2}}))
        assert (mark.shape.top, mark.shape.left, mark.shape.bottom, mark.shape.right) == (2, 1, 5, 8)

    @pytest.mark.parametrize("polygon", [{"path": PATH}, {"paths": [PATH]}, {"path": PATH, "additional_paths": None}])
    def test_polygons_of_either_version(self, tmp_path, polygon):
        """Converters write one path into files of version 2; its box says nothing more."""
        box = {"x": 10, "y": 10, "w": 30, "h": 30}
        (mark,) = marks_of(self.read(tmp_path, {"name": "dog", "polygon": polygon, "bounding_box": box}))
        assert mark.kind == "polygon"

    @pytest.mark.parametrize("names", [[], None, ["0"], ["another"]])
    def test_slots_that_are_not_named(self, tmp_path, names):
        """The annotation belongs to the only one."""
        assert labels(self.read(tmp_path, {"name": "a", "keypoint": {"x": 1, "y": 2}, "slot_names": names})) == ["a"]

    def test_items_without_annotations_or_slots(self, tmp_path):
        """All of a data set are exported, looked at or not."""
        (image,) = self.read(tmp_path, slots=[]).images
        assert (image.name, image.size, len(image.marks)) == ("a.png", (80, 100), 0)

    def test_polygons_without_corners(self, tmp_path):
        """One is counted; the others are kept."""
        good = {"name": "dog", "polygon": {"paths": [self.PATH]}}
        annotations = self.read(tmp_path, {"name": "cat", "polygon": {"paths": [[]]}}, good)
        assert labels(annotations) == ["dog"]
        assert len(annotations.ignored) == 1


class TestLabelmeOfMit:
    """Files that scripts for the web tool fail on."""

    POINTS = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 2), (5, 2), (5, 6)))

    def read(self, folder, *objects, size="<imagesize><nrows>80</nrows><ncols>100</ncols></imagesize>"):
        """What is read of one image."""
        text = f"<annotation><filename>a.png</filename>{size}{''.join(objects)}</annotation>"
        (folder / "a.xml").write_text(text)
        return read(LABELME_XML, folder)

    def one(self, inside, name="dog"):
        """An object."""
        return f"<object><name>{name}</name><deleted>0</deleted><polygon>{inside}</polygon></object>"

    def test_times_and_keys_within_polygons(self, tmp_path):
        """Old collections have them before the points."""
        assert labels(self.read(tmp_path, self.one(f"<t>0</t><key>1</key>{self.POINTS}"))) == ["dog"]

    def test_points_beyond_the_image(self, tmp_path):
        """An edge is drawn at one pixel more than the width."""
        far = self.POINTS.replace("<x>5</x>", "<x>101</x>")
        annotations = self.read(tmp_path, self.one(far))
        assert labels(annotations) == ["dog"]
        assert not annotations.ignored

    def test_polygons_that_a_double_click_closed(self, tmp_path):
        """They have a point or none."""
        short = [self.one(points) for points in ("", "<pt><x>1</x><y>2</y></pt>")]
        annotations = self.read(tmp_path, *short, self.one(self.POINTS))
        assert labels(annotations) == ["dog"]
        assert len(annotations.ignored) == 2

    def test_names_that_are_empty_or_have_signs(self, tmp_path):
        """An empty one is counted."""
        annotations = self.read(tmp_path, self.one(self.POINTS, ""), self.one(self.POINTS, "R&amp;D car_"))
        assert labels(annotations) == ["R&D car_"]
        assert len(annotations.ignored) == 1

    def test_images_without_a_size(self, tmp_path):
        """The web tool leaves it out where it could not read the image."""
        (image,) = self.read(tmp_path, self.one(self.POINTS), size="<imagesize><nrows/><ncols/></imagesize>").images
        assert (image.size, len(image.marks)) == (None, 1)
