"""QuPath's files, as the program and its users write them."""

import json

import pytest
from annotation_files import SAMPLES, marks_of, needs_samples, read, read_json

from weakseg.formats.science.qupath import QUPATH, shapes_of_geometry
from weakseg.marks.pixels import pixels_of
from weakseg.marks.shapes import Line, Point, Polygon

RING = [[1, 2], [9, 2], [9, 6], [1, 6], [1, 2]]
HOLE = [[2, 3], [4, 3], [4, 5], [2, 5], [2, 3]]
OUTLINE = [[1.0, 1.0], [1.0, 4.0], [4.0, 4.0]]
CONTENT = [
    {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": {"name": "dog"}},
    }
    for kind, coordinates in (("Polygon", [OUTLINE]), ("LineString", OUTLINE), ("MultiPoint", OUTLINE))
]
FILES = {"a.geojson": json.dumps(CONTENT)}
"""A small set of its files, for the contract test."""


def feature(kind="Polygon", coordinates=(RING,), **properties):
    """An object, a tumour unless stated."""
    properties = {"objectType": "annotation", "classification": {"name": "Tumor", "color": [200, 0, 0]}, **properties}
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def collected(features):
    """A collection."""
    return {"type": "FeatureCollection", "features": list(features)}


def collection(tmp_path, *features):
    """What is read of a collection."""
    return read_json(QUPATH, tmp_path, collected(features), name="a.geojson")


def shapes_of(tmp_path, *features):
    """The shapes in a collection."""
    return [mark.shape for mark in marks_of(collection(tmp_path, *features))]


def reasons(annotations):
    """Why something was ignored."""
    return [each.reason for each in annotations.ignored]


def test_each_geometry_has_its_shapes(tmp_path):
    """x comes first; many points and lines are as many marks."""
    assert shapes_of(tmp_path, feature("Point", [3, 4.5])) == [Point(4.5, 3)]
    assert shapes_of(tmp_path, feature("MultiPoint", [[3, 4], [5, 6]])) == [Point(4, 3), Point(6, 5)]
    curve = [[0, 1], [2, 3]]
    lines = shapes_of(tmp_path, feature("LineString", curve), feature("MultiLineString", [curve, curve]))
    assert [type(shape) for shape in lines] == [Line] * 3
    assert lines[0].points.tolist() == [[1, 0], [3, 2]]


def test_rings_after_the_first_are_holes(tmp_path):
    """And the parts of a multipolygon are one mark."""
    (holed,) = shapes_of(tmp_path, feature("Polygon", [RING, HOLE]))
    (two,) = shapes_of(tmp_path, feature("MultiPolygon", [[RING, HOLE], [HOLE]]))

    assert pixels_of(holed, (10, 10)).inside.sum() == 8 * 4 - 2 * 2
    assert pixels_of(two, (10, 10)).inside.sum() == 8 * 4


@pytest.mark.parametrize("pack", [list, collected, lambda some: some[0]])
def test_objects_lie_in_a_list_or_collection_or_alone(tmp_path, pack):
    """Each version and script exports another."""
    annotations = read_json(QUPATH, tmp_path, pack([feature()]), name="folder.png.geojson")

    assert annotations.images[0].name == "folder.png"
    assert len(marks_of(annotations)) == 1


def test_objects_of_old_versions_have_their_kind_as_id(tmp_path):
    """And a colour as a number."""
    properties = {"classification": {"name": "Tumor", "colorRGB": -1}}
    old = {**feature(), "id": "PathAnnotationObject", "properties": properties}
    annotations = collection(tmp_path, old, {**old, "id": "PathTileObject"})

    assert len(marks_of(annotations)) == 1
    assert reasons(annotations) == ["objects of the kind tile are not drawn"]


def test_classes_have_several_names(tmp_path):
    """As QuPath shows them."""
    several = feature(classification={"names": ["Tumor", "Positive"]})

    assert marks_of(collection(tmp_path, several))[0].label == "Tumor: Positive"


def test_what_is_ignored_in_qupath_is_noted(tmp_path):
    """Its classes end in a star."""
    annotations = collection(tmp_path, feature(classification={"name": "Ignore*"}))

    assert marks_of(annotations)[0].label == "Ignore*"
    assert "--name 'Ignore*'=ignore" in annotations.notes[0]


def test_detections_are_read_and_noted(tmp_path):
    """Their nuclei are parts of cells."""
    cell = {**feature(objectType="cell"), "nucleusGeometry": {"type": "Polygon", "coordinates": [HOLE]}}
    annotations = collection(tmp_path, cell, feature(objectType="detection"))

    assert len(marks_of(annotations)) == 2
    assert "2 detections and cells" in annotations.notes[0]
    assert reasons(annotations) == ["a part of its cell"]


def test_other_slices_are_not_the_image(tmp_path):
    """Channels are."""
    for plane, count in (({"c": -1, "z": 0, "t": 0}, 1), ({"z": 2}, 0), ({"t": 1}, 0)):
        each = feature()
        each["geometry"]["plane"] = plane
        assert len(marks_of(collection(tmp_path, each))) == count


def test_files_of_maps_are_others(tmp_path):
    """Those that state a coordinate system, and those without anything of QuPath's."""
    place = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [8, 47]}, "properties": {"name": "x"}}
    assert not collection(tmp_path, place).images
    assert not read_json(QUPATH, tmp_path, {**collected([feature()]), "crs": {}}, name="a.geojson").images


class TestWhatUsersDo:
    """Files that break other readers."""

    @pytest.mark.parametrize("classification", [None, {}, {"name": None}, {"name": ""}])
    def test_objects_are_unclassified(self, tmp_path, classification):
        """Drawn in a hurry, or the class was deleted."""
        annotations = collection(tmp_path, feature(classification=classification))

        assert not marks_of(annotations)
        assert reasons(annotations) == ["it is unclassified"]

    def test_geometries_are_null_or_empty(self, tmp_path):
        """Simplified until nothing was left; the others are kept."""
        null = {**feature(), "geometry": None}
        others = (null, feature("Polygon", []), feature("Polygon", [RING[:2]]), None)
        annotations = collection(tmp_path, feature(), *others)

        assert len(marks_of(annotations)) == 1
        assert len(reasons(annotations)) == 4

    @pytest.mark.parametrize("text", ['{"name": "Tumor", "color": [1, 2, 3]}', "{'name': 'Tumor'}", "Tumor"])
    def test_tables_are_written_as_text(self, tmp_path, text):
        """geopandas does so (InSituPy issue 419)."""
        assert marks_of(collection(tmp_path, feature(classification=text)))[0].label == "Tumor"

    def test_text_is_never_run(self, tmp_path):
        """What is no table is damaged."""
        annotations = collection(tmp_path, feature(classification="{'name': np.int32(5)}"))

        assert reasons(annotations) == ["damaged: its class is no table"]

    def test_coordinates_have_a_third_number(self, tmp_path):
        """Other programs add a height."""
        assert shapes_of(tmp_path, feature("Point", [3, 4, 0])) == [Point(4, 3)]

    def test_geometries_are_nested(self, tmp_path):
        """Collections that scripts make; and one that never ends."""
        inner = {"type": "Point", "coordinates": [3, 4]}
        nested = feature()
        polygon = {"type": "Polygon", "coordinates": [RING]}
        nested["geometry"] = {"type": "GeometryCollection", "geometries": [inner, polygon]}
        assert [type(shape) for shape in shapes_of(tmp_path, nested)] == [Point, Polygon]

        for _ in range(50):
            inner = {"type": "GeometryCollection", "geometries": [inner]}
        nested["geometry"] = inner
        assert "unknown" in reasons(collection(tmp_path, nested))[0]


@needs_samples
def test_a_real_file_is_read():
    """A geometry alone, which has no class; its rings are those that the file holds."""
    assert reasons(read(QUPATH, SAMPLES / "qupath")) == ["it is unclassified"]

    content = json.loads((SAMPLES / "qupath" / "polygon.geojson").read_text())
    (shape,) = shapes_of_geometry(content)
    held = [[len(ring) for ring in rings] for rings in content["coordinates"]]
    assert [[len(ring) for ring in part] for part in shape.parts] == held
