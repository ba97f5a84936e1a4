"""Several processes do together what one does alone."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from pictures import Tiny, tiny_recipe
from safetensors.torch import load_file

from weakseg.train.loop import train_recipe

_PROGRAM = """
import sys
from pictures import Tiny, tiny_recipe
from weakseg.train.loop import train_recipe
train_recipe(tiny_recipe(network=Tiny(dropout=0.0)), sys.argv[1], device="cpu")
"""


def test_two_processes_give_the_weights_of_one(tmp_path):
    """The same global batches, halved between two CPU processes, end in the same weights to 1e-5."""
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    quiet = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}

    subprocess.run([*launch, *quiet, str(program), str(tmp_path / "two")], env=environment, check=True)
    train_recipe(tiny_recipe(network=Tiny(dropout=0.0)), tmp_path / "one", device="cpu")

    one, two = (load_file(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-5, rtol=1e-4)
    assert (tmp_path / "two" / "metrics.jsonl").read_text().count("\n") == 4
