"""One process a run folder: the second gets one message at once, and the claim ends with the process."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from images import tiny_recipe

from weakseg.errors import WriteRefused
from weakseg.runs import lock as locks
from weakseg.runs.lock import RunBusy, lock
from weakseg.train.loop import train_recipe

_HOLD = """
import sys
from pathlib import Path
from weakseg.runs.lock import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `tmp_path / run`."""
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_gets_one_message_that_names_the_first(tmp_path, holder):
    """At once, and nothing is written into the folder."""
    with pytest.raises(RunBusy, match=rf"run is being trained by process {holder.pid}"), lock(tmp_path / "run"):
        pass
    with pytest.raises(RunBusy, match="being trained"):
        train_recipe(tiny_recipe(), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_is_refused_while_another_process_is_in_it(tmp_path):
    """And what is there stays as it is; afterwards it goes on."""
    train_recipe(tiny_recipe(), tmp_path / "run", device="cpu")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(RunBusy):
            train_recipe(tiny_recipe(), tmp_path / "run", device="cpu", resume=True)
        process.kill()
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()} == before
    train_recipe(tiny_recipe(), tmp_path / "run", device="cpu", resume=True)


def test_the_claim_ends_with_the_process_however_it_ends(tmp_path, holder):
    """SIGKILL leaves a file, and no claim."""
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with lock(tmp_path / "run"):
        pass


def test_a_process_enters_its_own_folder_again(tmp_path):
    """So a table may hold a cell while it is trained; afterwards the folder is free."""
    with lock(tmp_path / "run"), lock(tmp_path / "." / "run"):
        pass
    assert not locks._held


def test_children_do_not_keep_their_parent_s_claim(tmp_path):
    """Workers that outlive a killed training would else stand in the way of the resumed one."""
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    ready, done = os.pipe(), os.pipe()
    with lock(tmp_path / "run"):
        child = os.fork()
        if not child:
            os.write(ready[1], b"x")
            os.read(done[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
    with lock(tmp_path / "run"):
        os.write(done[1], b"x")
    os.waitpid(child, 0)


def test_a_place_that_cannot_be_written_is_one_message(tmp_path):
    """No traceback of a folder that is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteRefused, match="cannot be written to"), lock(tmp_path / "file" / "run"):
        pass


def test_a_disk_that_can_only_be_read_is_named_as_such(tmp_path, monkeypatch):
    """Not the run folder that could not be made on it; where it is there, what it says itself counts."""

    def refused(path, mode):
        if path.parent.is_dir():
            number = errno.EROFS if path.parent == tmp_path else errno.ENOSPC
            raise OSError(number, os.strerror(number))
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    monkeypatch.setattr(locks, "open", refused, raising=False)
    with pytest.raises(WriteRefused, match=os.strerror(errno.EROFS)), lock(tmp_path / "run"):
        pass
    (tmp_path / "run").mkdir()
    with pytest.raises(WriteRefused, match=os.strerror(errno.ENOSPC)), lock(tmp_path / "run"):
        pass


def test_nothing_that_windows_lacks_is_imported_for_everybody():
    """Neither by the lock nor by the tables that use it."""
    source = Path(locks.__file__).read_text()
    assert "\nimport fcntl" not in source
    program = "import sys; sys.modules['fcntl'] = None; import weakseg.experiments.table"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_system_without_any_locks_trains(monkeypatch):
    """Neither Unix's module nor Windows': to train there is worth more than the lock."""
    monkeypatch.setitem(sys.modules, "fcntl", None)

    assert locks._way()(None)
