"""Annotation files that are read in place give the labels that their import would."""

import json

import numpy as np
import pytest
from PIL import Image

from weakseg.data.check.check import check
from weakseg.data.folder.digest import changes, digests
from weakseg.data.folder.folder import Folder
from weakseg.data.imports.import_marks import import_marks
from weakseg.errors import DataInvalid
from weakseg.marks.uses import Uses
from weakseg.types import PRESENT, UNLABELED

SHAPES = [
    {"label": "dog", "shape_type": "polygon", "points": [[1, 1], [5.5, 1], [5, 4], [1, 4]]},
    {"label": "cat", "shape_type": "rectangle", "points": [[9.123456789, 9], [15, 14]]},
    {"label": "cat", "shape_type": "polygon", "points": [[8, 9], [12, 9], [12, 12], [8, 12]]},
    {"label": "sky", "shape_type": "linestrip", "points": [[0.5, 17.5], [19.5, 17.5]]},
    {"label": "cat", "shape_type": "point", "points": [[10.7, 11.2]]},
    {"label": "bird", "shape_type": "oriented_rectangle", "points": [[1, 6], [4, 5], [5, 8], [2, 9]]},
    {"label": "cat", "shape_type": "point", "points": [[99, 2]]},
]


def export(folder, keys="ab", shapes=SHAPES, **files):
    """A file of LabelMe for each image."""
    folder.mkdir(exist_ok=True)
    for key in keys:
        content = {"shapes": files.get(key, shapes), "imagePath": f"{key}.png", "flags": {"indoor": True}}
        (folder / f"{key}.json").write_text(json.dumps(content))


@pytest.fixture
def data(tmp_path):
    """Three images, two of them annotated, and the folder that reads the annotations in place."""
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    chance = np.random.default_rng(0)
    for key in "abc":
        Image.fromarray(chance.integers(0, 256, (18, 20, 3), np.uint8)).save(root / "images" / f"{key}.png")
    export(root / "labels")
    (root / "dataset.toml").write_text('annotations = "labels"\n')
    return root


def same(one, other):
    """Whether two samples have equal labels."""
    assert one.seeds.tolist() == other.seeds.tolist()
    assert one.tags.tolist() == other.tags.tolist()
    assert one.boxes.tolist() == other.boxes.tolist()
    drawn = [[(each.label, each.points.tolist(), each.width_px) for each in said.strokes] for said in (one, other)]
    assert drawn[0] == drawn[1]
    return True


def declare(root, *lines):
    """Write dataset.toml."""
    (root / "dataset.toml").write_text("\n".join(lines) + "\n")


MARKS = """
[marks]
polygon = "box"
[marks.dog]
polygon = "region"
[names]
bird = "dog"
indoor = "ignore"
"""
USES = Uses(polygon="box", exceptions=(("dog", "polygon", "region"),), names=(("bird", "dog"), ("indoor", "ignore")))


@pytest.mark.parametrize(("said", "uses"), [("", Uses()), (MARKS, USES)], ids=["usual", "declared"])
def test_every_label_is_that_of_the_import(data, tmp_path, said, uses):
    """Regions, lines, clicks, boxes and tags, on annotated images and others; classes and tables too."""
    (data / "dataset.toml").write_text('annotations = "labels"\n' + said)
    import_marks([data / "labels"], data / "images", tmp_path / "imported", uses)
    one, other = Folder(str(data), "all"), Folder(str(tmp_path / "imported"), "all")

    assert one.classes == other.classes
    assert one.keys == other.keys == ("a", "b", "c")
    assert all(same(one[index], other[index]) for index in range(3))
    assert (one[0].seeds != UNLABELED).any()
    assert {*one.tables} == {"tags.csv", "boxes.csv"}
    assert {*other.tables} >= {*one.tables}


def test_classes_may_be_declared_and_merged(data):
    """Their order is the folder's, and a merged class has the marks of both."""
    declare(
        data, 'annotations = ["labels"]', 'classes = ["indoor", "sky", "cat", "dog", "bird"]', 'merge = {dog = "cat"}'
    )
    sample = Folder(str(data), "all")[0]
    cat = Folder(str(data), "all").classes.names.index("cat")

    assert (sample.seeds[1:4, 1:5] == cat).all()
    assert sample.tags[cat] == PRESENT


def test_names_without_a_class_are_errors_together(data):
    """With the line that gives each a class, beside what is wrong elsewhere."""
    (data / "classes.txt").write_text("cat\nsky\n")
    (data / "clicks.csv").write_text("image,class,x,y\nnowhere,cat,1,1\n")
    with pytest.raises(DataInvalid) as caught:
        len(Folder(str(data), "all"))
    found = [problem.found for problem in caught.value.problems]

    assert [name for name in ("dog", "bird", "indoor") if any(f"'{name}'" in each for each in found)] == [
        "dog", "bird", "indoor",
    ]  # fmt: skip
    assert any("clicks.csv" in each for each in found)
    declare(data, 'annotations = "labels"', "[names]", 'dog = "cat"', 'bird = "ignore"', 'indoor = "ignore"')
    (data / "clicks.csv").unlink()
    assert len(Folder(str(data), "all")) == 3


def test_tables_and_label_maps_add_to_the_marks(data):
    """A label map lies over the marks, and tables stand beside them."""
    (data / "scribbles").mkdir()
    (data / "classes.txt").write_text("dog\ncat\nsky\nbird\nindoor\n")
    over = np.full((18, 20), 255, np.uint8)
    over[2, 2] = 2
    Image.fromarray(over).save(data / "scribbles" / "a.png")
    (data / "clicks.csv").write_text("image,class,x,y\na,cat,9,9\nc,dog,1,1\n")
    folder = Folder(str(data), "all")

    assert folder[0].seeds[2, 2] == 2
    assert folder[0].seeds[1, 1] == 0
    assert [stroke.points.tolist() for stroke in folder[0].strokes] == [[[9, 9]], [[11, 10]]]
    assert len(folder[2].strokes) == 1


def test_annotations_are_labels_by_name(data):
    """They are left out where others are asked for."""
    (data / "tags.csv").write_text("image,present,absent\na,dog,\n")

    assert (Folder(str(data), "all", labels=("annotations",))[0].seeds != UNLABELED).any()
    assert (Folder(str(data), "all", labels=("tags.csv",))[0].seeds == UNLABELED).all()


def test_a_changed_export_is_noticed(data):
    """By the image whose marks changed, and by no other; copies and the order of keys change nothing."""
    before = digests(Folder(str(data), "all"))
    (data / "labels" / "a.json").write_text((data / "labels" / "a.json").read_text().replace("{", "{ "))
    assert digests(Folder(str(data), "all")) == before
    export(data / "labels", b=[*SHAPES[:-1], {**SHAPES[0], "points": [[6, 6], [7, 6], [7, 8]]}])
    assert changes(before, digests(Folder(str(data), "all"))) == ["1 changed (the image or a label of it): b"]


@pytest.mark.parametrize(
    "line", ['annotations = "../x.json"', 'annotations = "/x.json"', "annotations = 3", 'annotations = ["a", 1]',
             '[marks]\npoint = "box"', '[marks]\nstar = "box"', '[marks]\ndog = { star = "box" }', "[names]\na = 1"],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(data, line):
    """The file is named."""
    declare(data, line)
    with pytest.raises(DataInvalid, match="dataset.toml"):
        len(Folder(str(data), "all"))


def test_all_errors_of_a_folder_come_together(data):
    """A missing export beside an image whose size is another."""
    declare(data, 'annotations = ["labels", "missing.json"]')
    with pytest.raises(DataInvalid, match="missing.json is missing"):
        len(Folder(str(data), "all"))
    declare(data, 'annotations = "labels"')
    for key in "ab":
        content = {"shapes": SHAPES, "imagePath": f"{key}.png", "imageHeight": 20, "imageWidth": 18}
        (data / "labels" / f"{key}.json").write_text(json.dumps(content))
    (data / "splits").mkdir()
    (data / "splits" / "train.txt").write_text("a\nzebra\n")
    (data / "classes.txt").write_text("dog\n")
    with pytest.raises(DataInvalid) as caught:
        len(Folder(str(data)))

    assert len(caught.value.problems) == 3
    assert sum("not resize" in problem.fix for problem in caught.value.problems) == 2


def test_marks_of_unknown_classes_in_a_table_of_their_own_are_an_error(data):
    """A misspelt class in [marks] would change nothing."""
    declare(data, 'annotations = "labels"', "[marks.dgo]", 'polygon = "box"')
    with pytest.raises(DataInvalid, match="dgo"):
        len(Folder(str(data), "all"))


class TestCheck:
    """The check of a folder that reads in place."""

    def test_it_accepts_what_an_import_makes(self, data, tmp_path):
        """Neither has a fault, and both count the same labels."""
        import_marks([data / "labels"], data / "images", tmp_path / "imported", Uses())
        one, other = check(str(data)), check(str(tmp_path / "imported"))
        (own,) = one.statistics.counts["annotations"].values()
        (drawn,) = other.statistics.counts["scribbles"].values()
        (tables,) = other.statistics.counts["tables"].values()

        assert not one.refused
        assert not other.refused
        assert own.boxes.tolist() == tables.boxes.tolist()
        assert own.tagged_images.tolist() == tables.tagged_images.tolist()
        assert own.marked_pixels.sum() == drawn.marked_pixels.sum()

    def test_everything_left_out_is_a_remark(self, data):
        """Ignored shapes, marks without an image, marks that are not as drawn, tags that nothing is drawn as."""
        export(data / "labels", keys=("lost",), shapes=[*SHAPES, {**SHAPES[0], "shape_type": "cuboid"}])
        found = [finding for finding in check(str(data)).findings if finding.remark]
        said = " ".join(finding.found for finding in found)

        for each in ("7 marks on lost.png", "the kind 'cuboid' is unknown", "a point lies outside", "drawn as indoor"):
            assert each in said
        assert not any("not read" in finding.found for finding in found)

    def test_errors_of_annotations_stand_beside_others(self, data):
        """An image that cannot be read and a file that is damaged."""
        (data / "images" / "c.png").write_bytes(b"")
        (data / "labels" / "a.json").write_text('{"shapes": 3')
        (data / "classes.txt").write_text("dog\ncat\n")
        faults = [finding.file.name for finding in check(str(data)).findings if not finding.remark]

        assert "c.png" in faults
        assert "labels" in faults

    def test_marks_that_masks_deny_are_found(self, data):
        """As scribbles are; the advice says how to exchange names."""
        export(data / "labels", "abc", [{**SHAPES[0], "points": [[1, 1], [18, 1], [18, 16]]}, SHAPES[3]])
        declare(data, 'annotations = "labels"', 'classes = ["sky", "dog"]', "[names]", 'indoor = "ignore"')
        (data / "masks").mkdir()
        for key in "abc":
            mask = np.zeros((18, 20), np.uint8)
            mask[16:] = 1
            Image.fromarray(mask).save(data / "masks" / f"{key}.png")
        (found,) = (each for each in check(str(data)).findings if "contradict the mask" in each.found)

        assert found.file.name == "labels"
        assert "[names]" in found.fix

    def test_files_beside_the_images_are_accounted_for(self, data):
        """LabelMe keeps them there."""
        for file in (data / "labels").iterdir():
            file.rename(data / "images" / file.name)
        (data / "labels").rmdir()
        declare(data, 'annotations = "images"')
        checked = check(str(data))

        assert not checked.refused
        assert not any("not read" in finding.found for finding in checked.findings)
