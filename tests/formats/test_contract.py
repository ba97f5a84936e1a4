"""What every reader promises, whatever its files hold."""

import json
import random
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from annotation_files import marks_of, read
from PIL import Image

from weakseg.annotations.reading import FORMATS
from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry, forget
from weakseg.formats.tree import FolderTree
from weakseg.marks.mark import Annotations

SQUARE = [[1.0, 1.0], [1.0, 4.0], [4.0, 4.0]]
LABELME = {
    "version": "6.3.1",
    "flags": {"indoor": True},
    "shapes": [
        {"label": "dog", "points": SQUARE, "shape_type": "polygon"},
        {"label": "cat", "points": SQUARE[:2], "shape_type": "linestrip"},
    ],
    "imagePath": "a.png",
    "imageHeight": 8,
    "imageWidth": 9,
}
COCO = {
    "images": [{"id": 5, "file_name": "a.png", "height": 8, "width": 9}],
    "categories": [{"id": 7, "name": "dog", "supercategory": "pet"}],
    "annotations": [
        {"image_id": 5, "category_id": 7, "segmentation": [[1, 1, 1, 4, 4, 4]], "bbox": [1, 1, 3, 3]},
        {"image_id": 5, "category_id": 7, "segmentation": {"size": [8, 9], "counts": "Q1W1"}, "iscrowd": 1},
        {"image_id": 5, "category_id": 7, "bbox": [1.0, 1.0, 4.0, 4.0], "keypoints": [2, 3, 2]},
    ],
}
LABEL_STUDIO_SIZE = {"original_width": 9, "original_height": 8, "to_name": "image"}
LABEL_STUDIO_BOX = {"x": 10, "y": 10, "width": 30, "height": 40, "rotation": 10, "rectanglelabels": ["dog"]}
LABEL_STUDIO_LINE = {"points": [[10, 10], [20, 90]], "closed": False, "polygonlabels": ["cat"]}
LABEL_STUDIO_RESULTS = [
    {"id": "a", "type": "rectanglelabels", "value": LABEL_STUDIO_BOX, **LABEL_STUDIO_SIZE},
    {"id": "b", "type": "polygonlabels", "value": LABEL_STUDIO_LINE, **LABEL_STUDIO_SIZE},
    {
        "id": "c",
        "type": "brushlabels",
        "value": {"format": "rle", "rle": [0, 0, 1, 32], "brushlabels": ["dog"]},
        **LABEL_STUDIO_SIZE,
    },
    {"id": "d", "type": "choices", "value": {"choices": ["sunny"]}, "to_name": "image"},
]
LABEL_STUDIO = [{"id": 1, "annotations": [{"id": 2, "result": LABEL_STUDIO_RESULTS}], "data": {"image": "/data/a.png"}}]
CVAT = """<annotations><meta><job><labels><label><name>dog</name></label></labels></job></meta>
<image id="0" name="a.png" subset="Train" width="9" height="8">
<box label="dog" xtl="1" ytl="1" xbr="4" ybr="4.5" rotation="10" z_order="1"/><points label="dog" points="1,2;3,4"/>
<mask label="dog" rle="1, 2, 3, 1, 2" left="2" top="1" width="3" height="3"/><tag label="sunny"/></image>
<track id="0" label="dog"><polygon frame="3" outside="0" keyframe="1" points="1,1;1,4;4,4"/></track></annotations>"""
SUPERVISELY = {
    "size": {"height": 8, "width": 9},
    "tags": [{"name": "sunny", "value": None}],
    "objects": [
        {"classTitle": "dog", "geometryType": "polygon", "points": {"exterior": SQUARE, "interior": []}},
        {"classTitle": "dog", "geometryType": "rectangle", "points": {"exterior": [[1, 2], [3, 4]], "interior": []}},
    ],
}
DARWIN = {
    "version": "2.0",
    "item": {"name": "a.png", "path": "/", "slots": [{"slot_name": "0", "width": 3, "height": 2}]},
    "annotations": [
        {"id": "a", "name": "dog", "bounding_box": {"x": 1, "y": 0, "w": 1.5, "h": 1}, "slot_names": ["0"]},
        {"id": "b", "name": "cat", "mask": {}},
        {
            "name": "__raster_layer__",
            "raster_layer": {"dense_rle": [0, 2, 1, 4], "mask_annotation_ids_mapping": {"b": 1}},
        },
    ],
}
VIA_REGION = {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}}
VIA = {
    "a.png9": {
        "filename": "a.png",
        "size": 9,
        "regions": [VIA_REGION | {"region_attributes": {"class": name}} for name in ("dog", "cat")],
        "file_attributes": {"weather": "sunny"},
    }
}
VIA_THREE = {
    "attribute": {"1": {"aname": "class", "options": {"0": "cat"}}},
    "file": {"1": {"fname": "a.png", "src": ""}},
    "view": {"1": {"fid_list": ["1"]}},
    "metadata": {
        "x": {"vid": "1", "z": [], "xy": [2, 1, 2, 3, 4], "av": {"1": "0"}},
        "y": {"vid": "1", "z": [], "xy": [7, 1, 2, 3, 4, 5, 3], "av": {"1": "0"}},
    },
}
LABELME_XML_OBJECT = "<object><name>dog</name><deleted>0</deleted><polygon>{}</polygon></object>".format(
    "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in SQUARE)
)
LABELME_XML = f"<annotation><filename>a.png</filename>{LABELME_XML_OBJECT * 2}</annotation>"
STREAM = BytesIO()
COLOURS = np.zeros((80, 100, 3), np.uint8)
COLOURS[:40, :, 0] = COLOURS[40:, :, 1] = 255
Image.fromarray(COLOURS).save(STREAM, "PNG")
PNG = STREAM.getvalue()
PANOPTIC = {
    **COCO,
    "annotations": [
        {
            "image_id": 5,
            "file_name": "a.png",
            "segments_info": [{"id": 1, "category_id": 7}, {"id": 2, "category_id": 7}],
        }
    ],
}
VOC = """<annotation><filename>a.png</filename><size><width>9</width><height>8</height></size>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
<object><name>cat</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
</annotation>"""

QUPATH = [
    {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": {"name": "dog"}},
    }
    for kind, coordinates in (("Polygon", [SQUARE]), ("LineString", SQUARE), ("MultiPoint", SQUARE))
]
NAPARI = """index,shape-type,vertex-index,axis-0,axis-1
0,path,0,1,2
0,path,1,3,4
1,line,0,1,2
1,line,1,3,4
"""


def rois() -> bytes:
    """A set of regions of ImageJ: two polygons."""
    from roifile import ImagejRoi

    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(2):
            archive.writestr(f"{number}.roi", ImagejRoi.frompoints(SQUARE, name="dog").tobytes())
    return stream.getvalue()


def project() -> bytes:
    """A project of ilastik: labels of two classes."""
    import h5py

    stream = BytesIO()
    with h5py.File(stream, "w") as file:
        file["PixelClassification/LabelNames"] = np.array([b"cat", b"dog"])
        info = file.create_group("Input Data/infos/lane0000/Raw Data")
        info["axisorder"], info["filePath"] = b"yxc", b"a.png"
        block = file.create_dataset("PixelClassification/LabelSets/labels000/block0000", data=np.uint8([[[1], [2]]]))
        block.attrs["blockSlice"] = "[0:1,0:2,0:1]"
    return stream.getvalue()


def png(width: int = 9, height: int = 8) -> bytes:
    """A black image."""
    stream = BytesIO()
    Image.new("RGB", (width, height)).save(stream, "PNG")
    return stream.getvalue()


FILES: dict[str, dict[str, str | bytes]] = {
    "LabelMe": {"a.json": json.dumps(LABELME)},
    "Label Studio": {"a.json": json.dumps(LABEL_STUDIO)},
    "CVAT for images": {"annotations.xml": CVAT},
    "CVAT segmentation mask": {"labelmap.txt": "dog:255,0,0::\ncat:0,255,0::\n", "SegmentationClass/a.png": PNG},
    "Supervisely": {"ann/a.png.json": json.dumps(SUPERVISELY)},
    "Darwin": {"a.json": json.dumps(DARWIN)},
    "VIA": {"a.json": json.dumps(VIA)},
    "VIA 3": {"a.json": json.dumps(VIA_THREE)},
    "LabelMe of MIT": {"a.xml": LABELME_XML},
    "COCO": {"a.json": json.dumps(COCO)},
    "COCO panoptic": {"a.json": json.dumps(PANOPTIC), "a.png": png()},
    "Pascal VOC": {"a.xml": VOC},
    "QuPath": {"a.geojson": json.dumps(QUPATH)},
    "napari": {"a/dog.csv": NAPARI},
    "YOLO": {"labels/a.txt": "0 .5 .5 .1 .1\n1 .1 .1 .2 .1 .2 .2\n", "data.yaml": "names: [cat, dog]"},
}
"""A small set of files of each format, by path, that holds two marks or more."""
if find_spec("roifile"):
    FILES["ImageJ"] = {"a.zip": rois()}
if find_spec("h5py"):
    FILES["ilastik"] = {"a.ilp": project()}


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """The files, in a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
class TestEveryReader:
    """One test a promise."""

    def test_it_reads_its_own_files_and_no_others(self, format, tmp_path):
        """The files of a format are claimed by that format first."""
        if format.name not in FILES:
            pytest.skip(f"the package that reads {format.name} is not installed")
        for name, files in FILES.items():
            annotations = read(format, written(tmp_path / name, files))
            if name == format.name:
                assert len(marks_of(annotations)) >= 2
                assert not annotations.ignored
                assert all(mark.source for mark in marks_of(annotations))

    def test_it_is_the_first_to_claim_its_own_files(self, format, tmp_path):
        """Whatever stands before it in FORMATS: a file of COCO is not a panoptic one."""
        if format.name not in FILES:
            pytest.skip(f"the package that reads {format.name} is not installed")
        written(tmp_path, FILES[format.name])
        forget()
        tree = FolderTree(tmp_path)
        first = [next((each.name for each in FORMATS if each.claims(Entry(tree, name))), None) for name in tree.names]
        assert set(first) - {None} == {format.name}

    def test_damaged_files_end_in_a_reason(self, format, tmp_path):
        """Bytes are lost, changed and doubled: no traceback, and each mark is kept or counted."""
        if format.name not in FILES:
            pytest.skip(f"the package that reads {format.name} is not installed")
        chance = random.Random(0)
        for trial in range(60):
            files = {name: hurt(text, chance) for name, text in FILES[format.name].items()}
            with suppress(DataInvalid):
                annotations = read(format, written(tmp_path / str(trial), files))
                assert isinstance(annotations, Annotations)
                # A reader's own mistakes in types would look like a file's.
                assert all(each.reason and "Type-check" not in each.reason for each in annotations.ignored)


def hurt(content: str | bytes, chance: random.Random) -> str | bytes:
    """A damaged file; bytes are letters of one byte."""
    if isinstance(content, bytes):
        return damaged(content.decode("latin-1"), chance).encode("latin-1")
    return damaged(content, chance)


def damaged(text: str, chance: random.Random) -> str:
    """A text with a few changes of the kinds that files suffer."""
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randrange(len(text)), chance.randint(1, 12)
        instead = chance.choice(["", "null", "-1", "1e999", '"x"', "[]", "{}", "999999999999999999999", text[:length]])
        text = text[:at] + instead + text[at + length :]
        text = text or "{"
    return text
