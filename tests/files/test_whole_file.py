"""Files are written whole or not at all, under names that nobody can foretell, and readable for whom the umask says."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from weakseg.data.images.label_file import write_labels
from weakseg.errors import WriteRefused
from weakseg.files.whole_file import leftovers, remove_leftovers, unfinished, write_whole
from weakseg.runs import checkpoint

NOT_FILES: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "fifo": os.mkfifo,
    "link to a device": lambda path: path.symlink_to("/dev/null"),
    "link to a folder": lambda path: path.symlink_to("."),
    "dangling link": lambda path: path.symlink_to("nowhere"),
}


def _text(text: str) -> Callable[[Path], object]:
    return lambda part: part.write_text(text)


def test_a_file_is_replaced_whole_or_stays(tmp_path):
    """An error in the middle leaves the earlier file, and nothing else."""
    write_whole(tmp_path / "new" / "a", _text("one"))
    write_whole(tmp_path / "new" / "a", _text("two"))
    assert (tmp_path / "new" / "a").read_text() == "two"

    def broken(part: Path):
        part.write_text("thr")
        raise OSError(28, "No space left on device")

    with pytest.raises(WriteRefused, match="No space left"):
        write_whole(tmp_path / "new" / "a", broken)
    assert (tmp_path / "new" / "a").read_text() == "two"
    assert os.listdir(tmp_path / "new") == ["a"]


@pytest.mark.parametrize("kind", NOT_FILES)
def test_only_files_are_replaced(kind, tmp_path):
    """A device, a pipe or a link to one stays what it is."""
    NOT_FILES[kind](tmp_path / "a")
    before = os.lstat(tmp_path / "a")
    with pytest.raises(WriteRefused, match="choose another name"):
        write_whole(tmp_path / "a", _text("x"))
    assert os.lstat(tmp_path / "a").st_ino == before.st_ino
    assert stat.S_IFMT(os.lstat(tmp_path / "a").st_mode) == stat.S_IFMT(before.st_mode)
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_that_the_umask_says(umask, mode, tmp_path):
    """Checkpoints too, which their library would make for the owner alone."""
    before = os.umask(umask)
    try:
        checkpoint.save(tmp_path / "a.safetensors", nn.Linear(2, 2))
        write_labels(tmp_path / "a.png", np.zeros((2, 2), np.int32))
        write_whole(tmp_path / "a.txt", _text("x"))
    finally:
        os.umask(before)
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {
        name: oct(mode) for name in ("a.safetensors", "a.png", "a.txt")
    }


def test_what_is_unfinished_lies_where_nobody_else_can_put_a_link(tmp_path):
    """A folder of this user's alone, made anew, under another name each time."""
    seen = []

    def write(part: Path):
        assert part.parent.parent == tmp_path
        assert part.parent.stat().st_mode & 0o077 == 0
        assert not part.is_symlink()
        seen.append(part.parent.name)
        part.write_text("x")

    for _ in range(3):
        write_whole(tmp_path / "a", write)
    assert len({*seen}) == 3


@pytest.mark.parametrize("length", [240, 251, 255])
def test_the_longest_names_can_be_written(length, tmp_path):
    """The temporary name is no longer than the final one."""
    path = tmp_path / ("n" * length)
    write_whole(path, _text("x"))
    assert path.read_text() == "x"


def test_what_a_kill_leaves_is_known_and_removed(tmp_path):
    """Files of the user's stay, and so does what a link in place of a leftover leads to."""
    with unfinished(tmp_path) as folder:
        name = folder.name
    (tmp_path / name).mkdir()
    (tmp_path / name / "whole").write_text("half")
    (tmp_path / ".run.json.123.partial").write_text("by an earlier version")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "file").write_text("x")
    (tmp_path / ".weakseg-0123456789abcdef.partial").symlink_to("own")
    for mine in ("a.partial", ".weakseg-notes", "run.json"):
        (tmp_path / mine).write_text("x")
    assert len(leftovers(tmp_path)) == 3
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".weakseg-notes", "a.partial", "own", "run.json"]
    assert os.listdir(tmp_path / "own") == ["file"]


def test_an_interrupted_write_leaves_nothing(tmp_path):
    """Ctrl-C in the middle."""

    def interrupted(part: Path):
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", interrupted)
    assert os.listdir(tmp_path) == []
