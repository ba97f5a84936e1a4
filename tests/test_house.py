"""The house stays one to walk through: files to read at a sitting, and rooms whose listing is taken in at a glance."""

from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "weakseg"
LINES, FILES = 320, 14


def test_a_file_is_read_at_a_sitting():
    """What grows beyond it holds a second idea, which has a file of its own."""
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in ROOT.rglob("*.py")}
    assert lengths
    assert not {name: lines for name, lines in lengths.items() if lines > LINES}, f"files of more than {LINES} lines"


def test_a_room_is_taken_in_at_a_glance():
    """What grows beyond it is two rooms."""
    rooms = {path.parent for path in ROOT.rglob("*.py")}
    files = {
        room.relative_to(ROOT).as_posix(): sum(1 for path in room.glob("*.py") if path.name != "__init__.py")
        for room in rooms
    }
    assert not {room: count for room, count in files.items() if count > FILES}, f"rooms of more than {FILES} files"
