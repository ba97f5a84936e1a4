"""Records that a killed process leaves usable."""

import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakseg.errors import WriteRefused
from weakseg.files.record_log import record_log


def held(path, head="h"):
    """All records of a file."""
    with record_log(path, head) as log:
        return {key: [log.read(key, part) for part in range(len(places))] for key, places in log.places.items()}


def fill(path, records):
    """Write records."""
    with record_log(path, "h") as log:
        for key, parts in records.items():
            log.append(key, parts)
            assert [log.read(key, part) for part in range(len(parts))] == parts


def test_records_are_read_as_they_were_written(tmp_path):
    """By this process and by the next."""
    records = {7: [b"one", b"", b"three"], 2: [b"x" * 5000], 9: []}
    fill(tmp_path / "log", records)
    assert held(tmp_path / "log") == records


@given(st.data())
def test_a_file_that_ends_anywhere_holds_the_records_before(tmp_path_factory, data):
    """And grows on from there."""
    path = tmp_path_factory.mktemp("cut") / "log"
    records = {key: [bytes([key]) * (key * 3), b"tail"] for key in range(5)}
    fill(path, records)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut] + data.draw(st.binary(max_size=9)))
    if not content.startswith(path.read_bytes()[: len(b"weakseg records 1\nh\n")]):
        return
    left = held(path)
    assert left == {key: records[key] for key in range(len(left))}
    with record_log(path, "h") as log:
        log.append(77, [b"new"])
    assert held(path) == left | {77: [b"new"]}


def test_a_changed_record_ends_the_file(tmp_path):
    """What follows it is written again."""
    fill(tmp_path / "log", {0: [b"a" * 100], 1: [b"b" * 100], 2: [b"c" * 100]})
    content = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(content.replace(b"bbb", b"bxb", 1))
    assert [*held(tmp_path / "log")] == [0]


def test_records_of_something_else_are_refused(tmp_path):
    """And left as they are; so is a file of another kind."""
    fill(tmp_path / "log", {0: [b"a"]})
    (tmp_path / "mine").write_bytes(b"precious")
    for path in (tmp_path / "log", tmp_path / "mine"):
        before = path.read_bytes()
        with pytest.raises(WriteRefused, match="begun with another"):
            held(path, "other")
        assert path.read_bytes() == before


def test_a_full_disk_keeps_what_is_finished(tmp_path):
    """A limit on the size of files stands for the disk."""
    program = (
        "import sys; from pathlib import Path; from weakseg.files.record_log import record_log\n"
        "with record_log(Path(sys.argv[1]), 'h') as log:\n"
        "    for key in range(100): log.append(key, [b'x' * 1000])"
    )
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # noqa: E731
    command = [sys.executable, "-c", program, str(tmp_path / "log")]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True)
    assert "cannot grow" in done.stderr
    assert len(held(tmp_path / "log")) == 9
