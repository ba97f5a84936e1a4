"""A run that was killed is worth as much as one that was not."""

import random
import time
from io import StringIO

import pytest
import torch
from images import tiny_recipe
from launch import begin, finish
from rich.console import Console
from safetensors.torch import load_file

from weakseg.errors import RunInvalid
from weakseg.train.loop import train_recipe

_PROGRAM = """
import sys
from images import tiny_recipe
from weakseg.train.loop import train_recipe
from weakseg.recipe.recipe import with_epochs
train_recipe(with_epochs(tiny_recipe(), 60), sys.argv[1], device="cpu", resume=len(sys.argv) > 2)
"""


def test_a_killed_and_resumed_run_ends_with_bit_equal_weights(tmp_path):
    """SIGKILL at a random moment after the first checkpoint, then --resume: the same weights, bit by bit."""
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    process = begin(program, tmp_path / "killed")
    while not (tmp_path / "killed" / "last.safetensors").exists():
        assert process.is_alive(), "the training ended before its first checkpoint"
        time.sleep(0.01)
    time.sleep(random.random())
    process.kill()
    process.join()
    assert (tmp_path / "killed" / "metrics.jsonl").read_text().count("\n") < 60, "it was killed too late to tell"

    finish(program, begin(program, tmp_path / "killed", "resume"), begin(program, tmp_path / "whole"))

    resumed, whole = (load_file(tmp_path / name / "last.safetensors") for name in ("killed", "whole"))
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    lines = [(tmp_path / name / "metrics.jsonl").read_text().count("\n") for name in ("killed", "whole")]
    assert lines == [60, 60]


def test_a_run_of_another_recipe_is_not_resumed(tmp_path):
    """Resuming under another seed names the folder and says what to do, and leaves the run alone."""
    train_recipe(tiny_recipe(), tmp_path / "run", device="cpu")
    before = (tmp_path / "run" / "last.safetensors").read_bytes()

    with pytest.raises(RunInvalid, match=r"run holds a run with another recipe[\s\S]*--out"):
        train_recipe(tiny_recipe(seed=1), tmp_path / "run", device="cpu", resume=True)

    assert (tmp_path / "run" / "last.safetensors").read_bytes() == before


def test_a_finished_run_resumes_to_itself(tmp_path):
    """There is nothing left to do, and nothing is done."""
    train_recipe(tiny_recipe(), tmp_path / "run", device="cpu")
    before = (tmp_path / "run" / "last.safetensors").read_bytes()

    train_recipe(tiny_recipe(), tmp_path / "run", device="cpu", resume=True)

    assert (tmp_path / "run" / "last.safetensors").read_bytes() == before


def test_a_truncated_checkpoint_is_told_and_the_one_before_is_gone_on_from(tmp_path):
    """A half checkpoint is never trained on; the epoch that is lost is done again, to the same bits."""
    train_recipe(tiny_recipe(), tmp_path / "run", device="cpu")
    path, said = tmp_path / "run" / "last.safetensors", StringIO()
    # Tensors that are read are the file itself, as long as nobody copies them.
    whole = {name: tensor.clone() for name, tensor in load_file(path).items()}
    path.write_bytes(path.read_bytes()[:100])

    train_recipe(tiny_recipe(), tmp_path / "run", device="cpu", resume=True, console=Console(file=said, width=200))

    assert "last.safetensors cannot be read" in said.getvalue()
    assert "resuming from previous.safetensors, after epoch 3" in said.getvalue()
    again = load_file(path)
    assert all(torch.equal(again[name], whole[name]) for name in whole)
