"""Any number of processes find the targets of one folder: nothing twice, nothing missing, the bits of one."""

import signal
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest
import torch
from images import Squares, Tiny

from weakseg import AlphaExpansion, Claims, Fit, update_targets
from weakseg.errors import RecipeInvalid
from weakseg.train.targets import Targets

PROGRAM = """
import sys, time
from pathlib import Path
sys.path[:0] = {path!r}
import torch
from images import Squares, Tiny
from weakseg import AlphaExpansion, Claims, Fit, update_targets
from weakseg.train.targets import Targets
torch.manual_seed(0)
def done(found):
    print(found.solve.key, flush=True)
    time.sleep(0.1)
targets = Targets(Path(sys.argv[1]), "first")
update_targets(Fit(AlphaExpansion()), Tiny().build(1, 2), Squares(), targets, share=Claims(targets.folder), done=done)
"""


def content(folder):
    """The bytes of all targets."""
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def alone(folder):
    """By one process that shares with none."""
    torch.manual_seed(0)
    update_targets(Fit(AlphaExpansion()), Tiny().build(1, 2), Squares(), Targets(folder, "first"))
    return content(folder)


def test_four_processes_of_which_two_are_killed_give_the_bits_of_one(tmp_path):
    """A claim that a killed one left is taken over."""
    command = [sys.executable, "-c", PROGRAM.format(path=sys.path), str(tmp_path / "out")]
    found = [[], [], [], []]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) for _ in range(4)
        ]

        def listen(index):
            for line in processes[index].stdout:
                found[index].append(line.strip())
                if index < 2:
                    processes[index].send_signal(signal.SIGKILL)

        threads = [threading.Thread(target=listen, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [process.returncode for process in processes[2:]] == [0, 0]
    told = [key for each in found for key in each]
    assert len(told) == len({*told})
    assert content(tmp_path / "out") == alone(tmp_path / "alone")
    assert [*(tmp_path / "out").glob(".*claim*")] == []


def test_targets_that_are_there_are_found_by_none(tmp_path):
    """The last of many processes has nothing to do."""
    expected, found = alone(tmp_path), []
    shared = Claims(tmp_path)
    torch.manual_seed(0)
    update_targets(
        Fit(AlphaExpansion()), Tiny().build(1, 2), Squares(), Targets(tmp_path, "first"), None, shared, found.append
    )
    assert found == []
    assert content(tmp_path) == expected


def test_without_a_mark_nothing_is_shared(tmp_path):
    """A file would say nothing of the network it is of."""
    with pytest.raises(RecipeInvalid, match="mark"):
        update_targets(Fit(AlphaExpansion()), Tiny().build(1, 2), Squares(), tmp_path, share=Claims(tmp_path))
