"""Programs in fresh processes, alone or several as `torchrun` starts them."""

import atexit
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import traceback
from multiprocessing.process import BaseProcess
from pathlib import Path

TESTS = Path(__file__).parent

# A process that loads the libraries once and is divided for each program: loading takes longer than what tests train.
# The compiler of torch is loaded by each optimiser.
_LOADED = multiprocessing.get_context("forkserver")
_LOADED.set_forkserver_preload(["torch._dynamo", "torch.distributed", "weakseg.train.loop"])


def begin(program: Path, *arguments: object, variables: dict[str, str] | None = None) -> BaseProcess:
    """A process that runs a program on its own, on one thread; the tests' own folders can be imported."""
    given = (str(program), [*map(str, arguments)], variables or {})
    process = _LOADED.Process(target=_run, args=given)
    process.start()
    return process


def finish(program: Path, *processes: BaseProcess) -> None:
    """Wait for processes of a program, each of which has to succeed."""
    for process in processes:
        process.join()
    failed = [each.exitcode for each in processes if each.exitcode]
    assert not failed, (failed, [file.read_text() for file in program.parent.glob(f"{program.name}.*.error")])


def launch(processes: int, program: Path, *arguments: object) -> None:
    """Run a program in so many processes on the CPU, with the variables that `torchrun` sets."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}
    meeting |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    ranks = map(str, range(processes))
    begun = [begin(program, *arguments, variables=meeting | {"RANK": rank, "LOCAL_RANK": rank}) for rank in ranks]
    finish(program, *begun)


def launch_by_torchrun(processes: int, program: Path, *arguments: object) -> None:
    """The same by torch's own launcher; `accelerate launch --cpu` starts one process whatever it is asked for."""
    start = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    start += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
    paths = os.pathsep.join(map(str, (TESTS, TESTS / "train", *sys.path)))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *start, str(program), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _run(program: str, arguments: list[str], variables: dict[str, str]) -> None:
    import torch

    torch.set_num_threads(1)
    os.environ.update(variables)
    sys.path[:0] = [str(TESTS), str(TESTS / "train")]
    sys.argv = [program, *arguments]
    try:
        runpy.run_path(program, run_name="__main__")
        atexit._run_exitfuncs()
    except BaseException:
        Path(f"{program}.{os.getpid()}.error").write_text(traceback.format_exc())
        raise
