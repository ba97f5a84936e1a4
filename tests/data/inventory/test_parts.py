"""Label maps in several files, one for each class: whoever follows the message trains on what was drawn."""

import re

import numpy as np
import pytest
from farms import faults, lay_out, save, write

from weakseg.data.folder.folder import Folder

NAMES = ("background", "cow", "sheep")


def split(root, folder, name, without=()):
    """Puts the classes of each map of a folder into black and white files of their own."""
    for number, path in enumerate(sorted((root / folder).iterdir())):
        labels = Folder(str(root), "all", labels=(folder,))[number]
        labels = labels.truth if folder == "masks" else labels.seeds
        path.unlink()
        for label, word in enumerate(NAMES):
            if word not in without:
                called = name.format(key=path.stem, task=number + 1, word=word)
                save(root / folder / f"{called}.png", np.where(labels == label, 255, 0).astype(np.uint8))


@pytest.fixture
def farm(tmp_path):
    """A folder of images with nothing but masks and scribbles."""
    root = lay_out(tmp_path)
    for table in root.glob("*.csv"):
        table.unlink()
    return root


def trained_on(root):
    """Scribbles and masks of all images."""
    return [(sample.key, sample.seeds.tolist(), sample.truth.tolist()) for sample in Folder(str(root), "all")]


def follow(root, finding, monkeypatch, change=lambda code: code):
    """Runs the code of the message in the data folder."""
    code = "\n".join(line[4:] for line in finding.fix.splitlines() if line.startswith("    "))
    monkeypatch.chdir(root)
    exec(change(code), {})


WAYS = {
    "a line": "{key}_{word}",
    "a hyphen and a number": "{key}-{word}-0",
    "a point": "{key}.{word}",
}


@pytest.mark.filterwarnings("ignore:Exception ignored in")  # files that the code of the message leaves open
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("declared", ["", "unlabeled = 0\nfirst_value = 1\nvoid = 0"])
def test_a_file_for_each_class_is_put_together(farm, monkeypatch, way, declared):
    """In the folder's own numbers; the parts are kept beside it."""
    before = trained_on(farm)
    split(farm, "scribbles", WAYS[way])
    split(farm, "masks", WAYS[way], without=() if declared else ("background",))
    write(farm / "dataset.toml", declared)
    told = {name: finding for name, finding in faults(farm).items() if name in ("scribbles", "masks")}
    assert {*told} == {"scribbles", "masks"}
    assert all("one class each, of 6 images" in finding.found for finding in told.values())

    for finding in told.values():
        follow(farm, finding, monkeypatch)

    assert not faults(farm)
    assert trained_on(farm) == before
    assert len([*(farm / "parts_of_scribbles").iterdir()]) == 18


@pytest.mark.filterwarnings("ignore:Exception ignored in")
def test_files_called_after_tasks_need_to_be_told_which_image_each_is(farm, monkeypatch):
    """As Label Studio exports them: what is asked for is written into the code, and then they are put together."""
    before = trained_on(farm)
    split(farm, "scribbles", "task-{task}-annotation-7-by-1-tag-{word}-0")
    finding = faults(farm)["scribbles"]
    assert "do not name the image" in finding.found
    asked = re.search(r"image_of = (\{.*?\})", finding.fix)[1]
    assert asked == '{1: "a"}'

    follow(farm, finding, monkeypatch, lambda code: code.replace(asked, str(dict(enumerate("abcdef", start=1)))))
    follow(farm, faults(farm)["scribbles"], monkeypatch)

    assert not faults(farm)
    assert trained_on(farm) == before


def test_a_second_annotation_of_a_task_is_not_written_over_the_first(farm, monkeypatch):
    """It is named, and stays."""
    split(farm, "scribbles", "task-{task}-annotation-7-by-1-tag-{word}-0")
    second = farm / "scribbles" / "task-1-annotation-8-by-2-tag-cow-0.png"
    save(second, np.zeros((12, 16), np.uint8))
    images = str(dict(enumerate("abcdef", start=1)))

    with pytest.raises(AssertionError, match="annotation-8.* is a second annotation"):
        follow(farm, faults(farm)["scribbles"], monkeypatch, lambda code: code.replace('{1: "a"}', images))

    assert second.exists()


@pytest.mark.filterwarnings("ignore:Exception ignored in")
def test_classes_that_overlap_are_refused_by_the_name_of_the_file(farm, monkeypatch):
    """And nothing was moved or written."""
    split(farm, "scribbles", "{key}_{word}")
    save(farm / "scribbles" / "c_sheep.png", np.full((12, 16), 255, np.uint8))
    before = sorted(farm.rglob("*"))

    with pytest.raises(AssertionError, match=r"c_sheep\.png lies on another class"):
        follow(farm, faults(farm)["scribbles"], monkeypatch)

    assert sorted(farm.rglob("*")) == before


def test_a_part_beside_a_whole_map_is_one_too_many(farm):
    """Nobody knows which of both counts, so that no code is offered."""
    save(farm / "scribbles" / "a_cow.png", np.zeros((12, 16), np.uint8))

    assert [*faults(farm)] == ["scribbles/a_cow.png"]


def test_maps_of_unknown_names_are_to_be_renamed(farm):
    """Where the names say neither a class nor a task."""
    for path in (farm / "scribbles").iterdir():
        path.rename(path.with_name(f"{path.stem}_label.png"))

    assert "rename the maps" in faults(farm)["scribbles"].fix
