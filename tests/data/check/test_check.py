"""A check finds everything that is wrong with a data folder, names the file, and says what to do."""

import os
import shutil

import numpy as np
import pytest
from farms import KEYS, MASK, SCRIBBLE, TABLES, add, cut, dotted, faults, lay_out, remarks, repaint, save, write
from hypothesis import given, settings
from hypothesis import strategies as st

from weakseg.data.check.check import check
from weakseg.data.sample import Dataset
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED

# ------------------------------------------------------------------------------------------------- single faults

OF_IMAGES = {
    "truncated image": (lambda r, k: cut(r / f"images/{k}.png"), "images/{}.png", "cannot be read", "export"),
    "truncated mask": (lambda r, k: cut(r / f"masks/{k}.png"), "masks/{}.png", "cannot be read", "export"),
    "empty scribbles": (
        lambda r, k: (r / f"scribbles/{k}.png").write_bytes(b""), "scribbles/{}.png", "cannot be read", "export"
    ),
    "mask of another size": (
        lambda r, k: repaint(r / f"masks/{k}.png", lambda a: a[:-1]), "masks/{}.png", "16 wide and 11 high", "resize"
    ),
    "scribbles of another size": (
        lambda r, k: repaint(r / f"scribbles/{k}.png", lambda a: a.T), "scribbles/{}.png", "12 wide", "resize"
    ),
    "undeclared value": (
        lambda r, k: repaint(r / f"scribbles/{k}.png", lambda a: dotted(a, 9)),
        "scribbles/{}.png", "9 (1 pixels)", "correct the file",
    ),
    "colours": (
        lambda r, k: repaint(r / f"masks/{k}.png", lambda a: np.stack([a] * 3, 2)), "masks/{}.png", "colour", "convert"
    ),
    "mark outside all boxes": (
        lambda r, k: repaint(r / f"scribbles/{k}.png", lambda a: dotted(a, 1)),
        "scribbles/{}.png", "1 of the 5 pixels", "widen the box",
    ),
    "mark of an absent class": (
        lambda r, k: add(r / "tags.csv", f"{k},,sheep"), "scribbles/{}.png", "tags.csv says it is absent", "erase"
    ),
    "mark larger than its size": (
        lambda r, k: add(r / "sizes.csv", f"{k},background,0,0.01"), "scribbles/{}.png", "at most 1.0%", "raise `max`"
    ),
    "label map without an image": (
        lambda r, k: save(r / f"scribbles/no_{k}.png", SCRIBBLE), "scribbles/no_{}.png", "no image", "rename"
    ),
    "the same image twice": (
        lambda r, k: shutil.copy(r / f"images/{k}.png", r / f"images/{k}_copy.png"),
        "images/{}.png", "_copy.png", "remove all but one",
    ),
    "box that leaves the image": (
        lambda r, k: add(r / "boxes.csv", f"{k},cow,-1,3,17,8"), "boxes.csv", "from x -1 to 17", "crop the box"
    ),
    "box of nothing": (lambda r, k: add(r / "boxes.csv", f"{k},cow,9,3,9,8"), "boxes.csv", "is empty", "correct"),
    "click outside the image": (
        lambda r, k: add(r / "clicks.csv", f"{k},cow,16,3"), "clicks.csv", "x 16, y 3", "exchanged"
    ),
    "two clicks on one pixel": (
        lambda r, k: add(r / "clicks.csv", f"{k},cow,6,4", f"{k},background,6,4"), "clicks.csv", "x 6, y 4", "one of"
    ),
    "click outside all boxes": (
        lambda r, k: add(r / "clicks.csv", f"{k},cow,0,0"), "clicks.csv", "x 0, y 0", "widen the box"
    ),
    "minimum over maximum": (
        lambda r, k: add(r / "sizes.csv", f"{k},sheep,0.5,0.2"), "sizes.csv", "from 0.5 to 0.2", "correct"
    ),
    "minima over the whole": (
        lambda r, k: add(r / "sizes.csv", f"{k},sheep,0.95,1"), "sizes.csv", "minima", "lower some `min`"
    ),
    "maxima under the whole": (
        lambda r, k: add(r / "sizes.csv", f"{k},sheep,,0.1", f"{k},background,,0.2"),
        "sizes.csv", "maxima of {} add up to 0.8", "raise some `max`",
    ),
    "in two splits": (
        lambda r, k: add(r / f"splits/{'train' if k in 'ef' else 'val'}.txt", k),
        "splits/val.txt", "also in train.txt: {}", "remove them",
    ),
}  # fmt: skip
"""Of each fault: how one image gets it, the file that is named, words of what is found and of what to do."""

OF_FOLDERS = {
    "unknown key": (lambda r: write(r / "dataset.toml", "unlabelled = 0"), "dataset.toml", "unlabelled", "unlabeled"),
    "no TOML": (lambda r: write(r / "dataset.toml", "unlabeled ="), "dataset.toml", "not TOML", "correct the line"),
    "class named twice": (
        lambda r: write(r / "classes.txt", "background", "cow", "cow"), "classes.txt", "named twice", "correct"
    ),
    "empty class": (lambda r: write(r / "classes.txt", "background", "", "cow"), "classes.txt", "line 2", "correct"),
    "no classes": (lambda r: (r / "classes.txt").unlink(), "classes.txt", "is missing", "write the name"),
    "merged into nothing": (
        lambda r: write(r / "dataset.toml", 'merge = { cow = "ox" }'), "dataset.toml", "'ox'", "correct the names"
    ),
    "fully labelled ghosts": (
        lambda r: write(r / "dataset.toml", 'fully_labelled = ["x*"]'), "dataset.toml", "'x*'", "list of keys"
    ),
    "void that is a class": (lambda r: write(r / "dataset.toml", "void = 1"), "dataset.toml", "'cow'", "set `void`"),
    "no images": (lambda r: shutil.rmtree(r / "images"), "images", "No such file", "put the images there"),
    "maps of other names": (
        lambda r: [(r / "masks" / f"{k}.png").rename(r / "masks" / f"{k}_mask.png") for k in KEYS],
        "masks", "a_mask.png", "rename",
    ),
    "unknown tag": (lambda r: add(r / "tags.csv", "a,cwo,"), "tags.csv", "line 8: unknown class 'cwo'", "write 'cow'"),
    "unknown image": (lambda r: add(r / "clicks.csv", "z,cow,1,1"), "clicks.csv", "no image 'z'", "remove it"),
    "unknown class in sizes": (lambda r: add(r / "sizes.csv", "a,pig,0,1"), "sizes.csv", "'pig'", "correct the line"),
    "unknown class in boxes": (lambda r: add(r / "boxes.csv", "a,7,0,0,1,1"), "boxes.csv", "'7'", "correct the line"),
    "share in percent": (lambda r: add(r / "sizes.csv", "a,sheep,5,90"), "sizes.csv", "5 to 90", "correct the line"),
    "semicolons": (
        lambda r: write(r / "tags.csv", "image;present;absent"), "tags.csv", "no column", "commas instead of ';'"
    ),
    "too few values": (
        lambda r: write(r / "dataset.toml", "values = [0, 1]"), "dataset.toml", "2 entries for 3 classes", "`values`"
    ),
    "a list of another name": (
        lambda r: (r / "splits/val.txt").rename(r / "splits/valid.txt"), "splits/valid.txt", "not a", "to 'val.txt'"
    ),
    "a list beside splits": (
        lambda r: (r / "splits/train.txt").rename(r / "train.txt"), "train.txt", "not read", "splits/train.txt"
    ),
    "a key listed twice": (
        lambda r: add(r / "splits/train.txt", "a"), "splits/train.txt", "in line 1 already", "remove one of the two"
    ),
    "every class absent": (
        lambda r: write(r / "tags.csv", TABLES["tags.csv"][0], "a,,background;cow;sheep"), "tags.csv", "every", "looked"
    ),
    "box of an absent class": (
        lambda r: write(r / "tags.csv", TABLES["tags.csv"][0], "a,,cow"), "boxes.csv", "is absent", "remove the box"
    ),
    "minimum of an absent class": (
        lambda r: write(r / "tags.csv", TABLES["tags.csv"][0], "a,,cow"), "sizes.csv", "at least 10.0%", "`min` to 0"
    ),
    "split of unknown images": (
        lambda r: add(r / "splits/train.txt", "z"), "splits/train.txt", "line 5: no image 'z'", "add the image"
    ),
    "empty split": (lambda r: write(r / "splits/train.txt", ""), "splits/train.txt", "is empty", "list keys"),
    "validation without some masks": (
        lambda r: (r / "masks/e.png").unlink(), "splits/val.txt", "1 of 2 images without a mask", "add their masks"
    ),
    "another number of channels": (
        lambda r: save(r / "images/b.png", np.full((12, 16), 9, np.uint8)),
        "images/b.png", "1 channels, but 5 of 6 images have 3", "convert",
    ),
}  # fmt: skip
"""The same for faults of the whole folder."""


@pytest.mark.parametrize("fault", OF_IMAGES)
def test_a_fault_of_a_image_is_found(sound_farm, fault):
    """The file, what was found in it, and what to do; and nothing else is wrong."""
    break_it, file, found, fix = OF_IMAGES[fault]
    break_it(sound_farm, "b")

    told = faults(sound_farm)

    assert list(told) == [file.format("b")]
    (finding,) = told.values()
    assert found.format("b") in finding.found
    assert fix in finding.fix


@pytest.mark.parametrize("fault", OF_FOLDERS)
def test_a_fault_of_a_folder_is_found(sound_farm, fault):
    """The file, what was found in it, and what to do."""
    break_it, file, found, fix = OF_FOLDERS[fault]
    break_it(sound_farm)

    told = faults(sound_farm)

    assert found in told[file].found
    assert fix in told[file].fix


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(sorted(OF_IMAGES)), min_size=1))
def test_all_faults_are_found_at_once(tmp_path_factory, broken):
    """Whatever is wrong with however many images: exactly the files that were broken are named."""
    root = lay_out(tmp_path_factory.mktemp("farm"))
    for key, fault in broken.items():
        OF_IMAGES[fault][0](root, key)

    assert set(faults(root)) == {OF_IMAGES[fault][1].format(key) for key, fault in broken.items()}


@settings(max_examples=10)
@given(st.sets(st.sampled_from(KEYS), min_size=2), st.data())
def test_every_class_may_be_drawn_anywhere_without_tables(tmp_path_factory, drawn, data):
    """Marks of two classes contradict nothing, as long as something is left unmarked and no mask says otherwise."""
    root = lay_out(tmp_path_factory.mktemp("farm"))
    shutil.rmtree(root / "masks")
    for name in TABLES:
        (root / name).unlink()
    for key in drawn:
        marks = data.draw(st.lists(st.sampled_from([0, 1, 2, 255]), min_size=189, max_size=189))
        save(root / "scribbles" / f"{key}.png", np.array([0, 1, *marks, 255], np.uint8).reshape(12, 16))

    assert not faults(root)


# ------------------------------------------------------------------------------------------------- nothing wrong


def test_nothing_is_found_where_nothing_is_wrong(sound_farm):
    """No fault, no remark, and no file changed."""
    before = {path: path.read_bytes() for path in sound_farm.rglob("*") if path.is_file()}

    checked = check(str(sound_farm))

    assert not checked.findings
    assert not checked.refused
    assert before == {path: path.read_bytes() for path in sound_farm.rglob("*") if path.is_file()}


@pytest.mark.parametrize("only", ["masks", "scribbles", *TABLES])
def test_any_one_source_of_labels_will_do(sound_farm, only):
    """Masks, scribbles, or a single table."""
    for name in {"masks", "scribbles", *TABLES} - {only}:
        shutil.rmtree(sound_farm / name) if (sound_farm / name).is_dir() else (sound_farm / name).unlink()
    if only == "clicks.csv":
        add(sound_farm / only, "a,background,0,0")

    assert not faults(sound_farm)


def test_remarks_are_no_reason_to_refuse(sound_farm):
    """Images in no split or without a label, files of other kinds, classes nobody marked."""
    save(sound_farm / "images" / "g.png", np.full((12, 16, 3), 200, np.uint8))
    save(sound_farm / "images" / "h.png", np.full((12, 16, 3), 210, np.uint8))
    add(sound_farm / "splits" / "train.txt", "h")
    (sound_farm / "images" / "g.czi").write_bytes(b"")
    add(sound_farm / "classes.txt", "goat")

    checked = check(str(sound_farm))

    assert not checked.refused
    told = remarks(sound_farm)
    assert "1 of 8 images in no split: g" in told["splits"].found
    assert "1 of 5 images in 'train' without any label: h" in told["splits/train.txt"].found
    assert "g.czi" in told["images"].found
    assert "goat" in told["classes.txt"].found


def test_images_may_differ_in_size(sound_farm):
    """Labels follow their own image."""
    save(sound_farm / "images" / "a.png", np.full((24, 32, 3), 77, np.uint8))
    for folder, labels in (("masks", MASK), ("scribbles", SCRIBBLE)):
        save(sound_farm / folder / "a.png", np.kron(labels, np.ones((2, 2), np.uint8)))
    write(sound_farm / "boxes.csv", TABLES["boxes.csv"][0], "a,cow,8,6,24,16")
    write(sound_farm / "clicks.csv", TABLES["clicks.csv"][0], "a,cow,23,15")

    assert not faults(sound_farm)


def test_where_classes_are_unclear_the_rest_is_checked(sound_farm):
    """Values cannot be judged, and that is said; damaged files and sizes are found all the same."""
    write(sound_farm / "dataset.toml", "unlabelled = 0")
    cut(sound_farm / "images" / "b.png")
    repaint(sound_farm / "masks" / "c.png", lambda a: a[1:])

    assert set(faults(sound_farm)) == {"dataset.toml", "images/b.png", "masks/c.png"}
    assert "were not checked" in remarks(sound_farm)["."].found


def test_where_classes_are_doubtful_values_are_still_judged(sound_farm):
    """A class named twice does not hide an undeclared value."""
    write(sound_farm / "classes.txt", "background", "cow", "cow")
    repaint(sound_farm / "scribbles" / "b.png", lambda a: dotted(a, 9))

    assert set(faults(sound_farm)) == {"classes.txt", "scribbles/b.png"}


def test_readable_images_are_there_to_be_shown_faulty_ones_first(sound_farm):
    """A contradiction can be drawn; a damaged file cannot."""
    repaint(sound_farm / "scribbles" / "c.png", lambda a: dotted(a, 1))
    cut(sound_farm / "masks" / "d.png")

    samples = check(str(sound_farm)).samples

    assert isinstance(samples, Dataset)
    assert samples.keys == ("c", "a", "b", "e", "f")
    assert (samples[0].seeds != UNLABELED).sum() == (SCRIBBLE != 255).sum() + 1


def test_progress_is_told_image_by_image(sound_farm):
    """So that a bar can be drawn."""
    told = []

    check(str(sound_farm), lambda done, of: told.append((done, of)))

    assert told == [(number, 6) for number in range(1, 7)]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    """Not a finding: there is nothing to check."""
    with pytest.raises(DataInvalid, match="no data folder"):
        check(str(tmp_path / "nowhere"))


@pytest.mark.data
@pytest.mark.skipif("WEAKSEG_DATA" not in os.environ, reason="WEAKSEG_DATA does not name the real data sets")
@pytest.mark.parametrize("name", ["acdc", "msrc21", "msrc_things", "grabcut"])
def test_real_data_is_sound(name):
    """Masks alone, human scribbles, two annotators."""
    assert not check(name).refused
