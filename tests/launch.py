"""A program in several processes, as `torchrun` starts them."""

import os
import subprocess
import sys
from pathlib import Path


def launch(processes: int, program: Path, *arguments: object) -> None:
    """Run a program in so many processes on the CPU; the test's own folders can be imported.

    `accelerate launch --cpu` starts one process whatever it is asked for.
    """
    start = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    start += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
    tests = Path(__file__).parent
    paths = os.pathsep.join(map(str, (tests, tests / "train", *sys.path)))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *start, str(program), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
