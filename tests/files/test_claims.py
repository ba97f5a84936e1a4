"""Each part of the work is done by one process, and by another one if that process dies."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from weakseg.files import claims
from weakseg.files.claims import Claims

PROGRAM = """
import sys, time
from pathlib import Path
from weakseg.files.claims import Claims
folder, pause = Path(sys.argv[1]), float(sys.argv[2])
claims = Claims(folder)
for name in claims.work([str(i) for i in range(40)], lambda name: (folder / name).exists()):
    print(name, flush=True)
    time.sleep(pause)
    (folder / f"{name}.part").write_text("x")
    (folder / f"{name}.part").rename(folder / name)
    claims.release(name)
"""


def start(folder, pause=0.02):
    """A process that does forty parts, each of which takes a moment."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_four_processes_of_which_two_are_killed_do_everything_once(tmp_path):
    """What a killed one had begun is done again, and nothing else is."""
    with ExitStack() as stack:
        check_four([stack.enter_context(start(tmp_path)) for _ in range(4)], tmp_path)


def check_four(processes, folder):
    """Listen to all, kill the first two after three parts each."""
    lines = [[], [], [], []]

    def listen(index):
        for line in processes[index].stdout:
            lines[index].append(line.strip())
            if index < 2 and len(lines[index]) == 3:
                processes[index].send_signal(signal.SIGKILL)

    threads = [threading.Thread(target=listen, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = [process.wait() for process in processes]
    assert codes == [-9, -9, 0, 0]
    begun = [name for each in lines for name in each]
    assert {*begun} == {str(i) for i in range(40)}
    # The last one of each killed process may be begun again, and no other.
    assert len(begun) <= 42
    assert sorted(path.name for path in folder.iterdir()) == sorted(str(i) for i in range(40))


def test_a_claim_keeps_others_out_until_it_is_released(tmp_path):
    """In the same process too."""
    one, other = Claims(tmp_path), Claims(tmp_path)
    assert one.take("a")
    assert not other.take("a")
    assert other.owner("a").startswith("process ")
    one.release("a")
    assert other.take("a")
    other.release("a")
    assert [*tmp_path.iterdir()] == []


def test_a_claim_of_a_dead_process_is_stale_at_once(tmp_path):
    """Its number may be that of another process by now."""
    with start(tmp_path, pause=30) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not Claims(tmp_path).take(name)
        process.send_signal(signal.SIGKILL)
    mine = Claims(tmp_path)
    assert mine.take(name)
    mine.release(name)
    claim = tmp_path / f".{name}.claim0"
    assert mine.take(name)
    said = json.loads(claim.read_text())
    assert mine.owner(name) == f"process {said['pid']} on {said['machine'][0]}"
    claim.write_text(json.dumps({**said, "began": "before"}))
    assert Claims(tmp_path).take(name)


@pytest.mark.parametrize("text", ['{"machine": ["elsewhere", "", ""], "pid": 1, "began": "5"}', "", "no JSON"])
def test_a_claim_of_another_machine_is_stale_when_it_is_not_touched(tmp_path, text):
    """By the clock of the one who waits; a touch begins the time anew."""
    (tmp_path / ".a.claim0").write_text(text)
    mine = Claims(tmp_path, stale_s=0.3)
    assert not mine.take("a")
    time.sleep(0.2)
    (tmp_path / ".a.claim0").touch()
    assert not mine.take("a")
    time.sleep(0.2)
    assert not mine.take("a")
    time.sleep(0.2)
    assert mine.take("a")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.claim0", ".a.claim1"]
    assert not Claims(tmp_path, stale_s=0.0001).take("a")
    mine.release("a")
    assert [*tmp_path.iterdir()] == []


def test_a_claim_is_touched_while_its_work_lasts(tmp_path, monkeypatch):
    """So that hours of work on another machine are no reason to take it over."""
    monkeypatch.setattr(claims, "TOUCH_S", 0.05)
    mine = Claims(tmp_path)
    assert mine.take("a")
    before = (tmp_path / ".a.claim0").stat().st_mtime_ns
    time.sleep(0.3)
    assert (tmp_path / ".a.claim0").stat().st_mtime_ns > before
    mine.release("a")


def test_names_may_be_paths(tmp_path):
    """As keys of nested folders are."""
    mine = Claims(tmp_path)
    assert mine.take("a/b")
    assert (tmp_path / "a" / ".b.claim0").exists()
    mine.release("a/b")


def test_claims_from_before_a_restart_of_the_machine_are_stale_by_their_age(tmp_path):
    """By its own clock, so that the first look tells; a young one may be of a container beside this process."""
    name = claims._MACHINE[0]
    old = tmp_path / ".a.claim0"
    old.write_text(json.dumps({"machine": [name, "another start"], "pid": 1, "began": "0"}))
    assert not Claims(tmp_path).take("a")
    os.utime(old, (0, 0))
    assert Claims(tmp_path).take("a")
