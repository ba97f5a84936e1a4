"""Files, folders and archives of annotations."""

import json
import zipfile

import pytest

from weakseg.annotations.reading import read_annotations
from weakseg.errors import DataInvalid

SHAPE = {"label": "dog", "points": [[0, 0], [4, 0], [4, 4]]}
FILE = json.dumps({"shapes": [SHAPE], "imagePath": "a.png"})


def names_of(annotations):
    """The names of the images."""
    return [image.name for image in annotations.images]


def test_a_file_a_folder_and_an_archive_are_read_alike(tmp_path):
    """Extensions decide nothing."""
    folder = tmp_path / "folder" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(FILE)
    with zipfile.ZipFile(tmp_path / "export.bin", "w") as archive:
        archive.writestr("deep/a.json", FILE)

    for path in (folder / "a.json", tmp_path / "folder", tmp_path / "export.bin"):
        assert names_of(read_annotations([path], lambda name: None)) == ["a.png"]


def test_files_that_no_format_knows_are_counted(tmp_path):
    """Beside those that are read; images are no annotations."""
    for name, text in {"a.json": FILE, "notes.txt": "hello", "b.json": "{", "a.png": ""}.items():
        (tmp_path / name).write_text(text)
    ignored = read_annotations([tmp_path], lambda name: None).ignored

    assert sorted(each.place.rpartition("/")[2] for each in ignored) == ["b.json", "notes.txt"]


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "{}", "hello", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_no_format_knows_is_one_message(tmp_path, text):
    """It lists the formats that are known."""
    for name in ("a.json", "a.xml"):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataInvalid, match="LabelMe"):
            read_annotations([tmp_path / name], lambda name: None)


def test_tables_of_hugging_face_are_refused_with_advice(tmp_path):
    """The package that reads them is larger than all others here together."""
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataInvalid, match="save its images and label images as files first"):
        read_annotations([tmp_path / "train-00000-of-00001.parquet"], lambda name: None)


def test_a_damaged_archive_is_one_message(tmp_path):
    """Truncated downloads are common."""
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        archive.writestr("a.json", FILE * 100)
    (tmp_path / "cut.zip").write_bytes((tmp_path / "whole.zip").read_bytes()[:200])

    with pytest.raises(DataInvalid, match="damaged archive"):
        read_annotations([tmp_path / "cut.zip"], lambda name: None)


def test_nothing_outside_the_folder_is_read(tmp_path):
    """Annotation files may name any path."""
    from weakseg.formats.tree import FileTree, FolderTree

    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("x")
    for tree in (FolderTree(tmp_path / "in"), FileTree(tmp_path / "in" / "a.json")):
        for name in ("../secret", "/etc/passwd", "..\\secret", "a/../../secret"):
            with pytest.raises(DataInvalid, match="below the folder"):
                tree.read(name)


def test_photos_beside_their_annotations_are_not_read(tmp_path, monkeypatch):
    """Ten thousand of them would take minutes."""
    from weakseg.formats.tree import FolderTree

    read, real = [], FolderTree.read
    monkeypatch.setattr(FolderTree, "read", lambda tree, name, **most: read.append(name) or real(tree, name, **most))
    for name, text in {"a.json": FILE, "a.png": "", "b.tif": "", "c.JPG": ""}.items():
        (tmp_path / name).write_text(text)
    read_annotations([tmp_path], lambda name: None)

    assert {*read} == {"a.json"}
