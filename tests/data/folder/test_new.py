"""A new data folder."""

import re
from dataclasses import fields

import numpy as np
import pytest

from weakseg.data.folder.declaration import Declaration, read_declaration
from weakseg.data.folder.folder import Folder
from weakseg.data.folder.new import lay_out
from weakseg.data.images.label_file import write_labels
from weakseg.errors import DataInvalid


def test_what_is_made_is_told(tmp_path):
    """Four folders and two files, with the folder itself where it is new."""
    made = lay_out(tmp_path / "deep" / "mine")

    assert sorted(made) == sorted((tmp_path / "deep" / "mine").iterdir())
    names = {path.name for path in made}
    assert names == {"images", "masks", "scribbles", "splits", "classes.txt", "dataset.toml"}


def test_the_new_declaration_declares_nothing(tmp_path):
    """Everything in it is commented out."""
    lay_out(tmp_path)

    assert read_declaration(tmp_path) == Declaration()


def test_every_key_stands_in_it_with_its_default(tmp_path):
    """Without the comment signs it declares exactly the defaults; folders have tables instead."""
    lay_out(tmp_path)
    path = tmp_path / "dataset.toml"
    keys = re.findall(r"^# (\w+) = ", path.read_text(), re.MULTILINE)
    path.write_text(re.sub(r"^# (?=\w+ = )", "", path.read_text(), flags=re.MULTILINE))

    assert keys == [field.name for field in fields(Declaration) if field.name != "folders"]
    assert read_declaration(tmp_path) == Declaration()


def test_images_and_scribbles_are_all_it_needs(tmp_path):
    """An image, a scribble and its name in a split make a data set."""
    lay_out(tmp_path)
    write_labels(tmp_path / "images" / "a.png", np.zeros((4, 5), int))
    write_labels(tmp_path / "scribbles" / "a.png", np.full((4, 5), -1))
    (tmp_path / "splits" / "train.txt").write_text("a\n")

    assert Folder(str(tmp_path)).keys == ("a",)


def test_nothing_is_ever_overwritten(tmp_path):
    """A folder that holds anything is left as it was; so is a file of that name."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")

    for name in ("mine", "file"):
        with pytest.raises(DataInvalid, match=f"{name} already exists"):
            lay_out(tmp_path / name)

    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert (tmp_path / "file").read_text() == "precious"


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """A file where a folder should be."""
    (tmp_path / "file").write_text("")

    with pytest.raises(DataInvalid, match="cannot be created"):
        lay_out(tmp_path / "file" / "mine")
