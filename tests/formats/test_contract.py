"""What every reader promises, whatever its files hold.

A format of `HOMES` is here by itself: the test file of its module has a small set of its files, called `FILES`.
"""

import random
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import damage
import pytest
from annotation_files import marks_of, read
from published import constant

from weakseg.annotations.reading import FORMATS, HOMES
from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry, forget
from weakseg.formats.format import Format
from weakseg.formats.tree import FolderTree
from weakseg.marks.labels import labels_of
from weakseg.marks.mark import Annotations
from weakseg.marks.uses import Uses

EACH = list(zip(HOMES, FORMATS, strict=True))
ROOT = Path(import_module("weakseg.formats").__path__[0])


@cache
def files_of(home: str) -> dict[str, str | bytes]:
    """A small set of files of a format, by path, that holds two marks or more; skips where its package is missing."""
    room, module, _ = home.split(".")
    files = constant(f"formats.{room}.{module}", "FILES")
    assert files, f"tests/formats/{room}/test_{module}.py needs a line FILES = ..., the contents of a small set by path"
    return files


def all_files() -> dict[str, dict[str, str | bytes]]:
    """The files of each format whose package is installed."""
    found = {}
    for home, format in EACH:
        with suppress(pytest.skip.Exception):
            found[format.name] = files_of(home)
    return found


def test_every_format_is_listed():
    """A reader that `HOMES` does not name is never asked."""
    modules = [f"{path.parent.name}.{path.stem}" for path in sorted(ROOT.glob("[!w]*/[!_]*.py"))]
    there = {
        f"{module}.{name}"
        for module in modules
        for name, value in vars(import_module(f"weakseg.formats.{module}")).items()
        if isinstance(value, Format)
    }
    assert there == set(HOMES), "a line of HOMES is missing in annotations/reading.py, or names no Format"


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """The files, in a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return folder


@pytest.mark.parametrize(("home", "format"), EACH, ids=[each.name for _, each in EACH])
class TestEveryReader:
    """One test a promise."""

    def test_it_reads_its_own_files_and_no_others(self, home, format, tmp_path):
        """The files of a format are claimed by that format first."""
        for name, files in {**all_files(), format.name: files_of(home)}.items():
            annotations = read(format, written(tmp_path / name, files))
            if name == format.name:
                assert len(marks_of(annotations)) >= 2
                assert not annotations.ignored
                assert all(mark.source for mark in marks_of(annotations))

    def test_it_is_the_first_to_claim_its_own_files(self, home, format, tmp_path):
        """Whatever stands before it in FORMATS: a file of COCO is not a panoptic one."""
        written(tmp_path, files_of(home))
        forget()
        tree = FolderTree(tmp_path)
        first = [next((each.name for each in FORMATS if each.claims(Entry(tree, name))), None) for name in tree.names]
        assert set(first) - {None} == {format.name}, (
            "its claims, or those of a format before it, are too wide or narrow"
        )

    def test_it_does_not_open_photos(self, home, format, tmp_path, monkeypatch):
        """Ten thousand of them lie beside their annotations: `claims` looks at extensions before it reads."""
        photos = {"a.png": b"", "b.tif": b"", "c.JPG": b""}
        tree = FolderTree(written(tmp_path, photos))
        monkeypatch.setattr(FolderTree, "read", lambda tree, name, **_: pytest.fail(f"{name} was opened"))
        assert not any(format.claims(Entry(tree, name)) for name in photos)

    def test_damaged_files_end_in_a_reason(self, home, format, tmp_path):
        """Bytes are lost, changed and doubled: no traceback, and each mark is kept or counted."""
        chance = random.Random(0)
        for trial in range(60):
            files = {name: hurt(text, chance) for name, text in files_of(home).items()}
            with suppress(DataInvalid):
                annotations = read(format, written(tmp_path / str(trial), files))
                assert isinstance(annotations, Annotations)
                # A reader's own mistakes in types would look like a file's.
                assert all(each.reason and "Type-check" not in each.reason for each in annotations.ignored)

    def test_strange_values_end_in_a_reason(self, home, format, tmp_path):
        """In the structure of a file and in its bytes; docs/damaged_annotations.py tries thousands."""
        chance = random.Random(0)
        for trial in range(40):
            files = {name: damage.damaged(content, chance) for name, content in files_of(home).items()}
            with suppress(DataInvalid):
                annotations = read(format, written(tmp_path / str(trial), files))
                assert all(each.reason for each in annotations.ignored)
                for image in annotations.images:
                    labels_of(image, (8, 9), 1000, lambda name: 0, Uses())


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
