"""Generated scenes to try the studio on."""

import pytest

from weakseg.commands import studio as command
from weakseg.commands.studio import studio_and_show
from weakseg.errors import DataInvalid
from weakseg.studio.labels.mark import Click
from weakseg.studio.project import Project


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """The demonstration, with somebody who draws so many marks; what it told, and what is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def open_(marks: int):
        def drawn(root, *_):
            project = Project(root)
            for number in range(marks):
                project.add(0, number, Click("ball", number, 0))

        told = []
        monkeypatch.setattr(command, "_open", drawn)
        monkeypatch.setattr(command, "tell", told.append)
        studio_and_show(None, None, False, None, True)
        return told, list(tmp_path.iterdir())

    return open_


def test_a_folder_in_which_nothing_was_drawn_is_removed(opened):
    """Nobody finds it years later."""
    told, left = opened(0)
    assert left == []
    assert "is removed" in told[-1]


def test_what_was_drawn_is_kept_and_named(opened):
    """It is an ordinary folder, which the studio opens again."""
    told, [root] = opened(2)
    assert str(root) in told[0]
    assert f"weakseg studio {root}" in told[-1]
    assert len(list((root / "images").iterdir())) == 24
    assert Project(root).journal.revision("scene00") == 2


def test_a_folder_and_a_demonstration_are_not_mixed(tmp_path):
    """And one of them is needed."""
    for data, demo in ((str(tmp_path), True), (None, False)):
        with pytest.raises(DataInvalid, match="--demo"):
            studio_and_show(data, None, False, None, demo)
