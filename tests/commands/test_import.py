"""`weakseg import`, as a person uses it."""

import json

import numpy as np
import pytest
from PIL import Image

from weakseg.cli import app
from weakseg.data.folder.folder import Folder
from weakseg.errors import DataInvalid
from weakseg.types import PRESENT, UNLABELED

SHAPES = [
    {"label": "Hund", "shape_type": "polygon", "points": [[1, 1], [5, 1], [5, 4], [1, 4]]},
    {"label": "cat", "shape_type": "rectangle", "points": [[9, 9], [15, 14]]},
    {"label": "sky", "shape_type": "linestrip", "points": [[0.5, 17.5], [19.5, 17.5]]},
    {"label": "cat", "shape_type": "point", "points": [[10.7, 11.2]]},
    {"label": "ruler", "shape_type": "point", "points": [[1, 1]]},
    {"label": "cat", "shape_type": "cuboid", "points": [[1, 1]]},
]


@pytest.fixture
def tool(tmp_path):
    """A folder of images and one file about each of two; the second file's image is missing."""
    folder = tmp_path / "tool"
    folder.mkdir()
    for name in ("a", "bare"):
        Image.fromarray(np.zeros((18, 20), np.uint8)).save(folder / f"{name}.png")
    for name in ("a", "lost"):
        content = {"shapes": SHAPES, "imagePath": f"{name}.png", "flags": {"indoor": True}}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def imported(tool, into, *words, images=None):
    """Run the command."""
    app(["import", str(tool), "--images", str(images or tool), "--into", str(into), *words], standalone_mode=False)


RENAMED = ("--name", "Hund=dog", "--name", "ruler=ignore", "--name", "indoor=ignore")


def test_an_export_becomes_a_data_folder(tool, tmp_path):
    """Regions, lines, clicks and boxes are where they were drawn, and nothing else is known."""
    imported(tool, tmp_path / "data", *RENAMED)
    folder = Folder(str(tmp_path / "data"), split="all")
    sample = folder[folder.keys.index("a")]
    dog, cat, sky = (folder.classes.names.index(name) for name in ("dog", "cat", "sky"))

    assert {*folder.classes.names} == {"dog", "cat", "sky"}
    assert (sample.seeds[1:4, 1:5] == dog).all()
    assert (sample.seeds == dog).sum() == 12
    assert (sample.seeds[17] == sky).all()
    assert sample.strokes[0].points.tolist() == [[11, 10]]
    assert sample.boxes.tolist() == [[cat, 9, 9, 14, 15]]
    assert (sample.tags == PRESENT).all()
    assert (folder[folder.keys.index("bare")].seeds == UNLABELED).all()


def test_everything_is_accounted_for(tool, tmp_path, capsys):
    """Marks by class and kind, images without marks, marks without images, and what was ignored and why."""
    imported(tool, tmp_path / "data", *RENAMED)
    screen = capsys.readouterr().out

    for said in ("1 image with annotations, 1 without", "5 marks on lost.png", "the kind 'cuboid' is unknown", "ruler"):
        assert said in screen


def test_tags_that_nothing_is_drawn_as_are_pointed_out(tool, tmp_path, capsys):
    """They may say something of the whole image; following the advice leaves them out."""
    imported(tool, tmp_path / "first", "--name", "ruler=ignore")
    assert "Nothing is drawn as indoor" in capsys.readouterr().out
    imported(tool, tmp_path / "data", *RENAMED)

    assert "Nothing is drawn" not in capsys.readouterr().out
    assert "indoor" not in Folder(str(tmp_path / "data"), split="all").classes.names


def test_scripts_get_the_same(tool, tmp_path, capsys):
    """One JSON object."""
    imported(tool, tmp_path / "data", "--json", *RENAMED)
    told = json.loads(capsys.readouterr().out)

    assert {"class": "cat", "kind": "box", "became": "box", "count": 1} in told["marks"]
    assert told["images_without_marks"] == ["bare"]
    assert [*told["marks_without_image"]] == ["lost.png"]


def test_a_word_changes_what_a_kind_becomes(tool, tmp_path):
    """For all classes, or for one."""
    imported(tool, tmp_path / "data", *RENAMED, "--as", "cat:box=region", "--as", "polygon=box")
    sample = Folder(str(tmp_path / "data"), split="all")[0]

    assert sample.boxes[:, 1:].tolist() == [[1, 1, 4, 5]]
    assert (sample.seeds[9:14, 9:15] != UNLABELED).all()


@pytest.mark.parametrize("words", [("--as", "box"), ("--as", "star=box"), ("--as", "point=box"), ("--name", "Hund")])
def test_a_word_that_means_nothing_is_refused(tool, tmp_path, words):
    """And nothing is written."""
    with pytest.raises(DataInvalid):
        imported(tool, tmp_path / "data", *words)
    assert not (tmp_path / "data").exists()


def test_nothing_is_overwritten(tool, tmp_path):
    """Neither a folder in use nor the images that were linked."""
    imported(tool, tmp_path / "data")
    before = sorted((tmp_path / "data").rglob("*"))
    with pytest.raises(DataInvalid, match="not empty"):
        imported(tool, tmp_path / "data")

    assert sorted((tmp_path / "data").rglob("*")) == before
    assert sorted(path.name for path in tool.iterdir()) == ["a.json", "a.png", "bare.png", "lost.json"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_images_in_subfolders_stay_apart(tool, tmp_path):
    """Equal names in two folders are two images, and dataset.toml says that folders are read."""
    for site in ("one", "two"):
        (tool / site).mkdir()
        (tool / "bare.png").rename(tool / site / "b.png") if site == "one" else None
    Image.fromarray(np.zeros((18, 20), np.uint8)).save(tool / "two" / "b.png")
    imported(tool, tmp_path / "data")

    assert {"one/b", "two/b", "a"} == {*Folder(str(tmp_path / "data"), split="all").keys}


def test_names_that_tables_cannot_hold_are_refused_and_the_advice_ends_it(weakseg, tool, tmp_path):
    """Before anything is written; spaces at the ends make no class of their own."""
    content = {"shapes": [{**SHAPES[0], "label": "a;b"}, {**SHAPES[0], "label": "cat "}], "imagePath": "a.png"}
    (tool / "a.json").write_text(json.dumps({**content, "flags": {"cat": True}}))
    words = ("import", tool / "a.json", "--images", tool, "--into", tmp_path / "data")
    refused = weakseg(*words)
    assert refused.code == 2
    assert not (tmp_path / "data").exists()
    assert "--name 'a;b=NEW'" in refused.err

    assert weakseg(*words, "--name", "a;b=NEW").code == 0
    assert (tmp_path / "data" / "classes.txt").read_text().split() == ["NEW", "cat"]


def test_an_image_whose_name_begins_with_a_space_keeps_its_marks(tool, tmp_path):
    """Tables hold it in quotes."""
    (tool / "a.png").rename(tool / " a.png")
    content = {"shapes": SHAPES[3:4], "imagePath": " a.png"}
    (tool / "a.json").write_text(json.dumps(content))
    imported(tool / "a.json", tmp_path / "data", images=tool)
    folder = Folder(str(tmp_path / "data"), split="all")

    assert len(folder[folder.keys.index(" a")].strokes) == 1


def test_a_page_shows_the_marks(tool, tmp_path):
    """As they were drawn, beside what they became."""
    imported(tool, tmp_path / "data", *RENAMED, "--html", str(tmp_path / "page.html"))
    text = (tmp_path / "page.html").read_text()

    assert text.count("<figcaption>marks as drawn</figcaption>") == 1
    assert "lost.png (5)" in text
