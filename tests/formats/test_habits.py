"""What people do with their tools that other readers fail on, as they report it to those tools: five for each."""

import json
import zipfile

import numpy as np
import pytest
from annotation_files import marks_of, read, read_json

from weakseg.formats.science.imagej import IMAGEJ
from weakseg.formats.science.qupath import QUPATH
from weakseg.formats.sets.coco import COCO
from weakseg.formats.sets.voc_xml import VOC_XML
from weakseg.formats.sets.yolo import YOLO
from weakseg.formats.tools.cvat_images import CVAT_XML
from weakseg.formats.tools.label_studio import LABEL_STUDIO
from weakseg.formats.tools.labelme import LABELME
from weakseg.formats.tools.via import VIA

SQUARE = [[10, 10], [10, 40], [40, 40]]


def labels(annotations):
    """The classes of all marks, in order."""
    return [mark.label for mark in marks_of(annotations)]


def reasons(annotations):
    """Why anything was ignored."""
    return [each.reason for each in annotations.ignored]


class TestLabelStudio:
    """Exports that its own converter fails on."""

    SIZE = {"original_width": 100, "original_height": 80}
    BOX = {"x": 10, "y": 10, "width": 30, "height": 40, "rotation": 0}

    def region(self, kind, value, **more):
        """A result."""
        return {"id": "a", "type": kind, "value": value, **self.SIZE, **more}

    def read(self, folder, results, **task):
        """What is read of a task."""
        whole = {"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": results}], **task}
        return read_json(LABEL_STUDIO, folder, [whole])

    def test_regions_of_text_recognition_have_their_class_beside_them(self, tmp_path):
        """A polygon, its labels and its text share an identifier, in three results."""
        polygon = self.region("polygon", {"points": SQUARE, "closed": True})
        name = self.region("labels", {"points": SQUARE, "labels": ["stamp"]})
        text = self.region("textarea", {"points": SQUARE, "text": ["12-34"]})
        annotations = self.read(tmp_path, [polygon, name, text])
        assert labels(annotations) == ["stamp"]
        assert len(annotations.ignored) == 1

    def test_a_brush_beside_an_ellipse_without_a_class(self, tmp_path):
        """The export of masks stops at the ellipse."""
        ellipse = self.region("ellipse", {"x": 50, "y": 50, "radiusX": 5, "radiusY": 5}, id="b")
        brush = self.region("brushlabels", {"format": "rle", "rle": [0, 0, 1, 32], "brushlabels": ["dog"]})
        annotations = self.read(tmp_path, [ellipse, brush])
        assert labels(annotations) == ["dog"]
        assert reasons(annotations) == ["it has no class"]

    def test_coordinates_that_are_null(self, tmp_path):
        """The editor left them after a click without a drag; one region is lost, not the export."""
        empty = self.region("rectanglelabels", {**self.BOX, "x": None, "rectanglelabels": ["dog"]})
        whole = self.region("rectanglelabels", {**self.BOX, "rectanglelabels": ["cat"]}, id="b")
        annotations = self.read(tmp_path, [empty, whole])
        assert labels(annotations) == ["cat"]
        assert len(annotations.ignored) == 1

    def test_answers_that_are_called_completions(self, tmp_path):
        """As before version 1.0."""
        result = self.region("rectanglelabels", {**self.BOX, "rectanglelabels": ["dog"]})
        task = {"id": 1, "data": {"image": "a.png"}, "completions": [{"result": [result]}]}
        assert labels(read_json(LABEL_STUDIO, tmp_path, [task])) == ["dog"]

    def test_regions_of_scripts_that_state_no_size(self, tmp_path):
        """Percentages are then those of the image."""
        box = {"id": "a", "type": "rectanglelabels", "value": {**self.BOX, "rectanglelabels": ["dog"]}}
        (mark,) = marks_of(self.read(tmp_path, [box]))
        assert (mark.shape.top, mark.shape.left, mark.shape.bottom, mark.shape.right) == (8, 10, 40, 40)


class TestCvat:
    """Exports that importers fail on."""

    def read(self, folder, inside):
        """What is read of an export."""
        (folder / "a.xml").write_text(f"<annotations>{inside}</annotations>")
        return read(CVAT_XML, folder)

    IMAGE = '<image id="0" name="a.png" width="100" height="80">{}</image>'

    @pytest.mark.parametrize("meta", ["<meta><job><labels/></job></meta>", "<meta/>", ""])
    def test_labels_that_are_not_declared(self, tmp_path, meta):
        """Other programs write the section empty."""
        box = '<box label="dog" xtl="1" ytl="2" xbr="3" ybr="4"/>'
        assert labels(self.read(tmp_path, meta + self.IMAGE.format(box))) == ["dog"]

    def test_tracks_that_are_never_in_view(self, tmp_path):
        """Merging tracks leaves them, and CVAT cannot export them again."""
        box = '<box frame="0" outside="1" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"/>'
        gone = f'<track id="0" label="dog">{box}</track>'
        kept = gone.replace('outside="1"', 'outside="0"').replace("dog", "cat")
        annotations = self.read(tmp_path, f'{gone}<track id="1" label="bird"/>{kept}')
        assert labels(annotations) == ["cat"]
        assert reasons(annotations) == ["it is not in view, in 1 frame"]

    def test_shapes_that_reach_beyond_the_image(self, tmp_path):
        """Nothing stops a drag at the border."""
        box = '<box label="dog" xtl="-3.5" ytl="-2" xbr="30" ybr="90"/><polygon label="dog" points="-1,-1;5,-1;5,500"/>'
        annotations = self.read(tmp_path, self.IMAGE.format(box))
        assert len(marks_of(annotations)) == 2
        assert not annotations.ignored

    def test_names_and_texts_with_anything_in_them(self, tmp_path):
        """Commas, numbers and other alphabets are parts of a name."""
        names = ("ABC CO., LTD", "00001", "Straße &amp; ?")
        boxes = "".join(
            f'<box label="{name}" xtl="1" ytl="2" xbr="3" ybr="4"><attribute name="t">a,b</attribute></box>'
            for name in names
        )
        assert labels(self.read(tmp_path, self.IMAGE.format(boxes))) == ["ABC CO., LTD", "00001", "Straße & ?"]

    def test_images_without_a_size(self, tmp_path):
        """Scripts leave it out."""
        box = '<image name="sub/a.png"><box label="dog" xtl="1" ytl="2" xbr="3" ybr="4"/></image>'
        (image,) = self.read(tmp_path, box).images
        assert (image.name, image.size, len(image.marks)) == ("sub/a.png", None, 1)


class TestLabelme:
    """Files that its own scripts fail on."""

    def read(self, folder, shapes, name="a.json", sizes=lambda name: (80, 100), **more):
        """What is read of a file."""
        content = {"shapes": shapes, "imagePath": "a.png", "imageHeight": 80, "imageWidth": 100, **more}
        return read_json(LABELME, folder, content, name=name, sizes=sizes)

    POLYGON = {"label": "dog", "points": SQUARE, "shape_type": "polygon"}

    @pytest.mark.parametrize("more", [{"imageData": None}, {"imageData": "cut off="}, {"imageData": 3}, {}])
    def test_a_copy_of_the_image_that_is_missing_or_damaged(self, tmp_path, more):
        """It is not looked at: the image is beside the file."""
        assert labels(self.read(tmp_path, [self.POLYGON], **more)) == ["dog"]

    def test_flags_that_are_null(self, tmp_path):
        """Of the image and of shapes."""
        assert labels(self.read(tmp_path, [{**self.POLYGON, "flags": None}], flags=None)) == ["dog"]

    def test_shapes_whose_points_were_all_removed(self, tmp_path):
        """They stay in the file."""
        empty = [{"label": "cat", "points": [], "shape_type": kind} for kind in ("polygon", "point", "circle", "line")]
        annotations = self.read(tmp_path, [*empty, self.POLYGON])
        assert labels(annotations) == ["dog"]
        assert len(annotations.ignored) == 4

    def test_files_that_scripts_cut_and_renamed(self, tmp_path):
        """The path inside is still that of the whole image; the file is named like its part."""
        sizes = {"tile_0_001": (80, 100)}.get
        (image,) = self.read(tmp_path, [self.POLYGON], name="tile_0_001.json", sizes=sizes).images
        assert image.name == "tile_0_001"

    def test_labels_that_are_numbers(self, tmp_path):
        """Scripts write what their mask held."""
        assert labels(self.read(tmp_path, [{**self.POLYGON, "label": 3}])) == ["3"]


class TestCoco:
    """Files that pycocotools and what is built on it fail on."""

    def read(self, folder, *annotations, **more):
        """What is read of annotations of one image."""
        content = {
            "images": [{"id": 5, "file_name": "a.png", "height": 80, "width": 100}],
            "categories": [{"id": 7, "name": "dog"}],
            "annotations": [{"image_id": 5, "category_id": 7, **each} for each in annotations],
            **more,
        }
        return read_json(COCO, folder, content)

    FLAT = [10, 10, 10, 40, 40, 40]

    def test_identifiers_of_two_kinds(self, tmp_path):
        """Text here and numbers there; annotations without one."""
        annotations = self.read(tmp_path, {"image_id": "5", "category_id": "7", "segmentation": [self.FLAT]})
        assert labels(annotations) == ["dog"]

    def test_a_polygon_without_the_list_around_it(self, tmp_path):
        """As exported from VIA with a few lines of code."""
        (mark,) = marks_of(self.read(tmp_path, {"segmentation": self.FLAT}))
        assert (mark.shape.parts[0][0] == np.array(SQUARE)[:, ::-1]).all()

    def test_polygons_of_two_corners(self, tmp_path):
        """pycocotools takes their four numbers for a box; a bad part leaves the others."""
        annotations = self.read(tmp_path, {"segmentation": [[1, 1, 3, 3], self.FLAT], "bbox": [10, 10, 30, 30]})
        assert [mark.kind for mark in marks_of(annotations)] == ["polygon"]
        assert len(annotations.ignored) == 1

    def test_boxes_that_are_empty_lists(self, tmp_path):
        """With an image that is null: tools for slices leave them."""
        empty = {"bbox": [], "segmentation": [], "iscrowd": 0, "area": 0}
        annotations = self.read(tmp_path, empty, {**empty, "image_id": None}, {"bbox": ["10", "10", "30", "30"]})
        assert [mark.kind for mark in marks_of(annotations)] == ["box"]
        assert len(annotations.ignored) == 2

    def test_a_region_that_is_null_beside_a_box(self, tmp_path):
        """Of annotations that are boxes alone."""
        annotations = self.read(tmp_path, {"segmentation": None, "bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3, 4]})
        assert [mark.kind for mark in marks_of(annotations)] == ["box", "box"]


class TestYolo:
    """Files that trainers call corrupt."""

    def read(self, folder, text, names="names: [cat, dog]"):
        """What is read of a text file."""
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / "a.txt").write_bytes(text.encode())
        (folder / "data.yaml").write_text(names)
        return read(YOLO, folder)

    def test_numbers_a_little_outside_the_image(self, tmp_path):
        """By rounding, or because an object reaches beyond it; a trainer drops the whole image."""
        annotations = self.read(tmp_path, "0 0.5 0.5 0.6 1.0004\n1 -0.0003 0.1 1.0371 0.1 0.5 0.9\n")
        assert labels(annotations) == ["cat", "dog"]

    def test_a_class_that_is_not_declared(self, tmp_path):
        """Counted from 1, or of another list of names: those of the others are kept."""
        annotations = self.read(tmp_path, "2 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1\n")
        assert "dog" in labels(annotations)
        assert len(annotations.ignored) + len(labels(annotations)) == 2

    def test_lines_in_pixels(self, tmp_path):
        """They are told of, and not taken for fractions."""
        annotations = self.read(tmp_path, "0 50 40 20 10\n")
        assert not labels(annotations)
        assert "fractions of the image" in reasons(annotations)[0]

    @pytest.mark.parametrize(
        "text", ["0 .5 .5 .1 .1  \r\n\r\n", "\ufeff0 .5 .5 .1 .1\n", "0.0\t.5\t.5\t.1\t.1", "0 5e-1 .5 .1 .1"]
    )
    def test_lines_as_editors_leave_them(self, tmp_path, text):
        """Ends of Windows, marks of byte order, tabs, spaces at the end, empty lines."""
        assert labels(self.read(tmp_path, text)) == ["cat"]

    @pytest.mark.parametrize(
        "names", ["names: {0: cat, 1: dog}", "names:\n  0: cat\n  1: dog\nnc: 2", 'names: ["cat", "dog"]']
    )
    def test_names_in_each_of_their_forms(self, tmp_path, names):
        """As a list and as a table."""
        assert labels(self.read(tmp_path, "1 .5 .5 .1 .1", names)) == ["dog"]


class TestQupath:
    """GeoJSON that scripts beside QuPath fail on."""

    def feature(self, classification, geometry=None, **properties):
        """An object."""
        shape = geometry or {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]]}
        own = {"objectType": "annotation", "classification": classification, **properties}
        return {"type": "Feature", "id": "PathAnnotationObject", "geometry": shape, "properties": own}

    def read(self, folder, *features):
        """What is read of objects."""
        return read_json(QUPATH, folder, {"type": "FeatureCollection", "features": list(features)}, name="a.geojson")

    def test_objects_without_a_geometry_or_properties(self, tmp_path):
        """They are counted; the others are kept."""
        bare = {"type": "Feature", "id": "PathAnnotationObject", "geometry": None, "properties": None}
        annotations = self.read(tmp_path, self.feature({"name": "Tumor"}), bare)
        assert labels(annotations) == ["Tumor"]
        assert reasons(annotations) == ["it has no geometry"]

    @pytest.mark.parametrize(
        "text",
        [
            "{'name': 'Tumor', 'color': [200, 0, 0]}",
            '{"name": "Tumor", "colorRGB": -3670016}',
            "{'name': 'Tumor', 'color': array([np.int32(255), 0, 0])}",
        ],
    )
    def test_classes_that_geopandas_wrote_as_text(self, tmp_path, text):
        """Also with numbers that Python alone understands; nothing of it is run."""
        assert labels(self.read(tmp_path, self.feature(text))) == ["Tumor"]

    @pytest.mark.parametrize("measurements", [[{"name": "Area", "value": 3.5}], {"Area": 3.5}, None, []])
    def test_measurements_in_each_of_their_forms(self, tmp_path, measurements):
        """A list before version 0.4, a table since."""
        assert labels(self.read(tmp_path, self.feature({"name": "Tumor"}, measurements=measurements))) == ["Tumor"]

    def test_classes_of_several_names(self, tmp_path):
        """A list of names since version 0.4, a text with colons before."""
        names = [{"names": ["Tumor", "Positive"]}, {"name": "Tumor: Positive"}]
        assert labels(self.read(tmp_path, *map(self.feature, names))) == ["Tumor: Positive"] * 2

    def test_an_ellipse_and_a_locked_object(self, tmp_path):
        """The ellipse comes as the polygon that stands for it."""
        shape = {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]], "isEllipse": True}
        annotations = self.read(tmp_path, self.feature({"name": "Tumor"}, shape, isLocked=True))
        assert [mark.kind for mark in marks_of(annotations)] == ["polygon"]


class TestVia:
    """Projects that scripts for them fail on."""

    POLYGON = {"name": "polygon", "all_points_x": [10, 10, 40], "all_points_y": [10, 40, 40]}

    def region(self, shape, **attributes):
        """A region."""
        return {"shape_attributes": shape, "region_attributes": attributes}

    def read(self, folder, regions, around=lambda items: items, **more):
        """What is read of one image."""
        item = {"filename": "a.png", "size": 1, "regions": regions, "file_attributes": {}, **more}
        return read_json(VIA, folder, around({"a.png1": item}))

    @pytest.mark.parametrize("regions", [[], {}, None])
    def test_images_without_regions(self, tmp_path, regions):
        """All that were loaded are in the file."""
        annotations = self.read(tmp_path, regions)
        assert [image.name for image in annotations.images] == ["a.png"]
        assert not annotations.ignored

    def test_regions_by_number(self, tmp_path):
        """A table in version 1, a list in version 2."""
        assert labels(self.read(tmp_path, {"0": self.region(self.POLYGON, name="dog")})) == ["dog"]

    def test_a_project_in_place_of_its_annotations(self, tmp_path):
        """With settings around them."""
        project = self.read(
            tmp_path,
            [self.region(self.POLYGON, dbuildings="dbuilding")],
            lambda items: {"_via_settings": {"ui": {}}, "_via_img_metadata": items, "_via_attributes": {"region": {}}},
        )
        assert labels(project) == ["dbuilding"]

    def test_shapes_without_lists_of_points(self, tmp_path):
        """Rectangles and circles beside polygons."""
        shapes = (
            {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4},
            {"name": "circle", "cx": 9, "cy": 9, "r": 2},
        )
        annotations = self.read(tmp_path, [self.region(each, c="dog") for each in (*shapes, self.POLYGON)])
        assert [mark.kind for mark in marks_of(annotations)] == ["box", "ellipse", "polygon"]

    def test_a_class_that_is_said_twice(self, tmp_path):
        """By two attributes, of which one is read; regions where neither is set are counted."""
        both = self.region(self.POLYGON, name="cellphone", categories="cellphone")
        annotations = self.read(tmp_path, [both, self.region(self.POLYGON, name="", categories="")])
        assert labels(annotations) == ["cellphone"]
        assert len(annotations.ignored) == 1


class TestVoc:
    """Files of labelImg that trainers fail on."""

    BOX = (
        "<object><name>dog</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
    )

    def read(self, folder, objects, size="<width>100</width><height>80</height>", name="a.png"):
        """What is read of a file."""
        text = f"<annotation><filename>{name}</filename><size>{size}<depth>3</depth></size>{objects}</annotation>"
        (folder / "a.xml").write_text(text)
        return read(VOC_XML, folder)

    def test_a_size_of_zero(self, tmp_path):
        """labelImg writes it where the extension of an image is not that of its content."""
        (image,) = self.read(tmp_path, self.BOX.format(1, 2, 3, 4), "<width>0</width><height>0</height>").images
        assert image.size is None
        assert len(image.marks) == 1

    def test_a_name_without_its_extension(self, tmp_path):
        """Images are found by their stem too."""
        from weakseg.annotations.names import ImageNames

        (image,) = self.read(tmp_path, self.BOX.format(1, 2, 3, 4), name="timg").images
        assert ImageNames({"timg": tmp_path / "timg.jpg"}).key(image.name) == "timg"

    def test_boxes_without_an_area(self, tmp_path):
        """A pixel has the same number twice, which is a box; corners in the wrong order are no box."""
        objects = "".join(self.BOX.format(*corners) for corners in ((5, 5, 5, 5), (9, 9, 5, 5), (1, 2, 3, 4)))
        annotations = self.read(tmp_path, objects)
        assert len(labels(annotations)) + len(annotations.ignored) == 3
        assert len(labels(annotations)) >= 2

    def test_corners_with_fractions(self, tmp_path):
        """Programs that resize write them."""
        annotations = self.read(tmp_path, self.BOX.format("1.5", "2.25", "30.75", "4e1"))
        assert labels(annotations) == ["dog"]

    def test_images_without_objects(self, tmp_path):
        """They are there, and nothing is said of them."""
        annotations = self.read(tmp_path, "")
        assert [len(image.marks) for image in annotations.images] == [0]
        assert not annotations.ignored


class TestImagej:
    """Regions that other readers of the format fail on."""

    def read(self, folder, *regions):
        """What is read of a set of regions."""
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            for number, region in enumerate(regions):
                archive.writestr(f"{number}.roi", region.tobytes())
        return read(IMAGEJ, folder)

    def roi(self, name="dog", **options):
        """A region."""
        roifile = pytest.importorskip("roifile")
        roi = roifile.ImagejRoi.frompoints(np.array(options.pop("points", SQUARE), float), name=name)
        for key, value in options.items():
            setattr(roi, key, value)
        return roi

    def test_regions_far_to_the_right(self, tmp_path):
        """Past 32,767 pixels, where other readers give negative numbers."""
        (mark,) = marks_of(self.read(tmp_path, self.roi(points=[[31_000, 10], [31_000, 40], [31_900, 40]])))
        assert mark.shape.parts[0][0][:, 1].max() == 31_900

    def test_rectangles_and_ovals_beside_outlines(self, tmp_path):
        """They have no points in the file."""
        roifile = pytest.importorskip("roifile")
        frame = {"left": 1, "top": 2, "right": 30, "bottom": 20, "name": "dog"}
        plain = [roifile.ImagejRoi(roitype=kind, **frame) for kind in (roifile.ROI_TYPE.RECT, roifile.ROI_TYPE.OVAL)]
        annotations = self.read(tmp_path, *plain, self.roi())
        assert [mark.kind for mark in marks_of(annotations)] == ["box", "ellipse", "polygon"]

    def test_traced_outlines(self, tmp_path):
        """The wand's are areas."""
        roifile = pytest.importorskip("roifile")
        (mark,) = marks_of(self.read(tmp_path, self.roi(roitype=roifile.ROI_TYPE.TRACED)))
        assert mark.kind == "polygon"

    def test_names_in_other_alphabets(self, tmp_path):
        """They are kept, without their number."""
        assert labels(self.read(tmp_path, self.roi("Zellkörper-12"), self.roi("細胞"))) == ["Zellkörper", "細胞"]

    def test_a_file_of_the_mac_among_the_regions(self, tmp_path):
        """Archives made by hand have hidden ones."""
        self.read(tmp_path, self.roi())
        with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
            archive.writestr("__MACOSX/._0.roi", b"x")
        annotations = read(IMAGEJ, tmp_path)
        assert labels(annotations) == ["dog"]
        assert not annotations.ignored


def test_files_in_another_encoding_say_what_to_do(tmp_path):
    """Older programs of Windows save in the encoding of the country."""
    from weakseg.annotations.reading import read_annotations
    from weakseg.errors import DataInvalid

    text = json.dumps({"shapes": [], "imagePath": "Größe.png"}, ensure_ascii=False)
    (tmp_path / "a.json").write_bytes(text.encode("cp1252"))
    with pytest.raises(DataInvalid, match="is not UTF-8"):
        read_annotations([tmp_path / "a.json"], lambda name: None)
