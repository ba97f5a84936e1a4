"""Nothing in a data folder is left out in silence: what is not read is named, and a fault where the data lie there."""

import os
import shutil
import socket

import numpy as np
import pytest
from farms import KEYS, TABLES, add, faults, remarks, save, write
from PIL import Image

from weakseg.data.check.check import check
from weakseg.data.folder.folder import Folder
from weakseg.errors import DataInvalid


def _deeper(root, folder, keys, into="siteA"):
    (root / folder / into).mkdir(parents=True)
    for key in keys:
        (root / folder / f"{key}.png").rename(root / folder / into / f"{key}.png")


@pytest.mark.parametrize("there", [6, 5, 4])
def test_images_one_folder_deeper_are_a_fault_where_they_are_the_most(sound_farm, there):
    """All of them, or most of them: the message counts them and says how they are read."""
    shutil.rmtree(sound_farm / "splits")
    _deeper(sound_farm, "images", KEYS[:there])

    told = [f for f in check(str(sound_farm)).findings if f.file == sound_farm / "images" and "siteA/" in f.found]

    assert [(f"({there} files)" in f.found, "`nested = true`" in f.fix, f.remark) for f in told] == [
        (True, True, False)
    ]


def test_images_put_aside_are_a_remark(sound_farm):
    """A few in a subfolder may have been put there on purpose."""
    (sound_farm / "images" / "blurred").mkdir()
    save(sound_farm / "images" / "blurred" / "z.png", np.zeros((3, 3), np.uint8))

    assert not faults(sound_farm)
    assert "blurred/ (1 file)" in remarks(sound_farm)["images"].found


@pytest.mark.parametrize("folder", ["masks", "scribbles"])
def test_label_maps_one_folder_deeper_are_a_fault_if_their_images_have_none(sound_farm, folder):
    """However few are found there; copies of maps that are read are a remark."""
    _deeper(sound_farm, folder, "ab", into="alice")
    assert "alice/ (2 files)" in faults(sound_farm)[folder].found

    for key in "ab":
        shutil.copy(sound_farm / folder / "alice" / f"{key}.png", sound_farm / folder / f"{key}.png")
    assert folder not in faults(sound_farm)
    assert "alice/ (2 files)" in remarks(sound_farm)[folder].found


def test_maps_of_annotators_are_read_once_the_advice_is_followed(sound_farm):
    """Their folders are moved beside scribbles/, under names that begin so."""
    _deeper(sound_farm, "scribbles", "abc", into="alice")
    assert "scribbles_alice/" in faults(sound_farm)["scribbles"].fix

    (sound_farm / "scribbles" / "alice").rename(sound_farm / "scribbles_alice")

    checked = check(str(sound_farm))
    assert not checked.refused
    assert checked.statistics.counts["scribbles_alice"]["train"].unmarked == 1


def test_a_folder_of_scribbles_within_another_keeps_its_name(sound_farm):
    """As of simulated labels that were written there."""
    _deeper(sound_farm, "scribbles", "abc", into="scribbles_short")
    assert "such as scribbles_short/" in faults(sound_farm)["scribbles"].fix


def _as_gif(path):
    with Image.open(path) as image:
        image.save(path.with_suffix(".gif"))
    path.unlink()


def _as_npy(path):
    with Image.open(path) as image:
        np.save(path.with_suffix(".npy"), np.asarray(image))
    path.unlink()


def _as_other(ending):
    def change(path):
        path.unlink()
        path.with_name(path.stem + ending).write_bytes(b"")

    return change


OTHER_KINDS = {".gif": _as_gif, ".npy": _as_npy, **{e: _as_other(e) for e in (".nii.gz", ".json", ".xcf", ".nii")}}


@pytest.mark.parametrize("folder", ["masks", "scribbles"])
@pytest.mark.parametrize("keys", ["b", KEYS], ids=["one", "all"])
@pytest.mark.parametrize("ending", OTHER_KINDS)
def test_labels_of_another_kind_are_a_fault(sound_farm, folder, keys, ending):
    """One of them, or all; they are named, and what to do."""
    for key in keys:
        OTHER_KINDS[ending](sound_farm / folder / f"{key}.png")

    told = faults(sound_farm)[folder]

    assert f"{keys[0]}{ending}" in told.found
    assert "PNG" in told.fix


@pytest.mark.parametrize("ending", [".gif", ".npy"])
def test_labels_of_another_kind_are_read_once_the_advice_is_followed(sound_farm, ending):
    """The conversion that the message writes out gives the very same labels."""
    before = Folder(str(sound_farm), labels=("scribbles",))[0].seeds
    for key in KEYS:
        OTHER_KINDS[ending](sound_farm / "scribbles" / f"{key}.png")
    advice = faults(sound_farm)["scribbles"].fix.split("`")[1]
    for key in KEYS:
        file, name = sound_farm / "scribbles" / f"{key}{ending}", sound_farm / "scribbles" / f"{key}.png"
        exec(f"import PIL.Image, numpy\n{advice}", {"file": file, "name": name})
        file.unlink()

    assert not faults(sound_farm)
    np.testing.assert_array_equal(Folder(str(sound_farm), labels=("scribbles",))[0].seeds, before)


def test_files_beside_label_maps_are_a_remark(sound_farm):
    """Every image has its map; what else lies there may stay."""
    write(sound_farm / "masks" / "a.json", "{}")
    write(sound_farm / "scribbles" / "notes.txt", "drawn by Ann")

    assert not faults(sound_farm)
    assert "a.json" in remarks(sound_farm)["masks"].found
    assert "notes.txt" in remarks(sound_farm)["scribbles"].found


def test_images_of_another_kind_are_a_fault_where_they_are_the_most(sound_farm):
    """Two PNGs beside ten photos of a phone."""
    for number in range(7):
        (sound_farm / "images" / f"IMG_{number}.heic").write_bytes(b"")
    assert "IMG_0.heic" in faults(sound_farm)["images"].found

    (sound_farm / "images" / "IMG_0.heic").unlink()
    assert not faults(sound_farm)
    assert "IMG_1.heic" in remarks(sound_farm)["images"].found


def test_what_systems_leave_in_folders_is_not_worth_a_word(sound_farm):
    """Windows and macOS put files of their own everywhere."""
    for folder in (".", "images", "masks", "scribbles", "splits"):
        for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._a.png"):
            (sound_farm / folder / name).write_bytes(b"x")

    assert not check(str(sound_farm)).findings


@pytest.mark.parametrize(
    ("right", "wrong"), [("tags.csv", "Tags.csv"), ("masks", "Masks"), ("splits/val.txt", "splits/Val.txt")]
)
def test_names_in_other_letters_are_a_fault(sound_farm, right, wrong):
    """They are not read, and a rename, which the message asks for, fixes it."""
    (sound_farm / right).rename(sound_farm / wrong)

    assert right.rpartition("/")[2] in faults(sound_farm)[wrong].fix
    (sound_farm / wrong).rename(sound_farm / right)
    assert not check(str(sound_farm)).findings


def test_files_of_unknown_names_are_a_remark(sound_farm):
    """Somebody may have meant them."""
    for name in ("labels.csv", "dataset.json", "splits/fold1.csv"):
        write(sound_farm / name, "")

    told = remarks(sound_farm)

    assert "dataset.json, labels.csv" in told["."].found
    assert "fold1.csv" in told["splits"].found


IN_PLACE = {
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", IN_PLACE)
@pytest.mark.parametrize("name", [*TABLES, "dataset.toml", "classes.txt", "splits/val.txt", "splits/train.txt"])
def test_what_stands_in_the_place_of_a_file_is_a_fault(sound_farm, name, kind):
    """Labels and declarations never vanish because their file cannot be followed; nothing waits or fills memory."""
    (sound_farm / name).unlink(missing_ok=True)
    IN_PLACE[kind](sound_farm / name)

    assert name in faults(sound_farm)
    with pytest.raises(DataInvalid, match=name):
        len(Folder(str(sound_farm), split=name[7:-4] if name.startswith("splits") else "train"))


def test_a_list_of_classes_that_cannot_be_followed_is_a_fault_beside_a_declaration(sound_farm):
    """Even where it is not needed."""
    write(sound_farm / "dataset.toml", 'classes = ["background", "cow", "sheep"]')
    (sound_farm / "classes.txt").unlink()
    (sound_farm / "classes.txt").symlink_to("nowhere")

    assert "a link to a missing file" in faults(sound_farm)["classes.txt"].found


@pytest.mark.parametrize("name", ["masks", "scribbles", "scribbles2", "splits"])
@pytest.mark.parametrize("kind", ["a dangling link", "a link to itself", "a pipe"])
def test_what_stands_in_the_place_of_a_folder_is_a_fault(sound_farm, name, kind):
    """Links that a moved disk left behind."""
    shutil.rmtree(sound_farm / name, ignore_errors=True)
    IN_PLACE[kind](sound_farm / name)

    assert name in faults(sound_farm)


def test_a_socket_in_the_place_of_a_table_is_a_fault(tmp_path, sound_farm, monkeypatch):
    """A stranger kind, and the last."""
    monkeypatch.chdir(sound_farm)
    (sound_farm / "tags.csv").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("tags.csv")
        assert "socket" in faults(sound_farm)["tags.csv"].found


# ------------------------------------------------------------------------------------------------- names

ACCENTED = "pie\u0301ton", "pi\u00e9ton"
"""The same name as macOS stores it and as a keyboard writes it."""


@pytest.mark.parametrize(("stored", "said"), [ACCENTED, ACCENTED[::-1]])
def test_accents_may_be_stored_in_either_way(sound_farm, stored, said):
    """In names of images, label maps, tables, splits, patterns and classes."""
    for folder, name in (("images", stored), ("masks", said), ("scribbles", said)):
        (sound_farm / folder / "a.png").rename(sound_farm / folder / f"{name}.png")
    write(sound_farm / "splits" / "train.txt", said, "b", "c", "d")
    write(sound_farm / "classes.txt", "background", stored, "sheep")
    write(sound_farm / "dataset.toml", f'fully_labelled = ["{stored}"]', f'unscored = ["{said}"]')
    for name in TABLES:
        (sound_farm / name).unlink()
    write(sound_farm / "tags.csv", TABLES["tags.csv"][0], f"{said},{said},")

    assert not check(str(sound_farm)).findings
    sample = Folder(str(sound_farm))[0]
    assert (sample.tags[1], sample.truth is None) == (1, False)


def test_names_that_differ_in_how_accents_are_stored_only_are_one_name(sound_farm):
    """So they clash, and both are named."""
    for name in ACCENTED:
        save(sound_farm / "images" / f"{name}.png", np.full((12, 16, 3), 99, np.uint8))

    assert "have the same key" in faults(sound_farm)["images"].found


def test_spaces_at_the_ends_of_a_name_are_kept_where_quotes_or_lines_keep_them(sound_farm):
    """And forgiven where they are not part of a name."""
    for folder in ("images", "masks", "scribbles"):
        (sound_farm / folder / "a.png").rename(sound_farm / folder / " a .png")
    write(sound_farm / "splits" / "train.txt", " a ", " b", "c ", "d.png ")
    for name in TABLES:
        (sound_farm / name).unlink()
    write(sound_farm / "tags.csv", TABLES["tags.csv"][0], '" a ",cow,', " b ,cow,", "c, cow ,")

    assert not check(str(sound_farm)).findings
    assert Folder(str(sound_farm)).keys == (" a ", "b", "c", "d")
    assert [Folder(str(sound_farm))[i].tags[1] for i in range(3)] == [1, 1, 1]


def test_a_name_that_no_line_can_hold_is_a_fault(sound_farm):
    """Lists and tables are lines."""
    save(sound_farm / "images" / "two\nlines.png", np.full((12, 16, 3), 99, np.uint8))

    told = faults(sound_farm)["images"]

    assert "two\\nlines.png" in told.found
    assert "rename" in told.fix


@pytest.mark.parametrize("row", [",,", " , , ", "", ",", ",,,,"])
def test_rows_that_hold_nothing_are_passed_over(sound_farm, row):
    """Spreadsheets leave them at the end."""
    add(sound_farm / "tags.csv", row)

    assert not faults(sound_farm)


@pytest.mark.parametrize("name", ["a;b", " x", "x ", "", " ", "two\\nlines", "a\\u2028b"])
def test_class_names_that_tables_cannot_hold_are_refused_where_they_are_declared(sound_farm, name):
    """Not by the table that `simulate` writes."""
    write(sound_farm / "dataset.toml", f'classes = ["background", "{name}", "sheep"]')

    assert "rename the class" in faults(sound_farm)["dataset.toml"].fix
    with pytest.raises(DataInvalid, match="rename the class"):
        len(Folder(str(sound_farm)))
