"""Own code in a recipe works in every command: what is made by a file is made by it again because the user says so."""

import re
import shlex

import pytest
from PIL import Image

from weakseg import load
from weakseg.data.images.label_file import read_labels

HEAD = """
from dataclasses import dataclass, field
import torch
from torch import nn
from weakseg import *
from weakseg.constraints import *
from weakseg.datasets import *
from weakseg.networks import *
from weakseg.simulate import *
from weakseg.constraints.linear_rows import LinearRows, join
CROP = (32, 32)
data, network, objective = Scenes(8, size=(32, 40)), UNet(8, 1), Fit(SeedsOnly())
judged, training = Scenes(3, seed=1, size=(32, 40)), None
"""

TAIL = """
training = training or Simulated(data, (Scribbles(), Tags()))
recipe = Recipe(training, network, (Phase(objective, 1),), judged, Augment(CROP), batch_size=4)
table = Table((Row("mine", recipe, seeds=(0,)),)) if "Table" in globals() else None
"""

OWN = {
    "network": """
@dataclass(frozen=True)
class Mine:
    width: int = 4
    def build(self, channels, classes):
        first = nn.Conv2d(channels, self.width, 3, padding=1)
        return nn.Sequential(first, nn.ReLU(), nn.Conv2d(self.width, classes, 1))
    def rebuild(self, channels, classes, config):
        return self.build(channels, classes)
network = Mine()
""",
    "module": """
def mine(channels, classes):
    return nn.Conv2d(channels, classes, 3, padding=1)
network = FromModule(mine)
""",
    "arrays": """
drawn = Simulated(data, (Scribbles(), Tags()))
training = FromArrays([each.image for each in data], data.classes, masks=[each.truth for each in data])
""",
    "solver": """
@dataclass(frozen=True)
class Mine:
    def solve(self, evidence, start=Memory()):
        p = evidence.log_probs.exp()
        return Solution(p, torch.ones_like(p[:, 0]), p.new_zeros(len(p)), ("done.",) * len(p))
objective = Fit(Mine())
""",
    "constraint": """
@dataclass(frozen=True)
class Mine:
    def rows(self, weak, grid):
        return [row for row in TaggedClassesPresent(0.01, 2.0, 0).rows(weak, grid)]
objective, CROP = Fit(DualProjection(Mine())), None
""",
    "energy": """
@dataclass(frozen=True)
class Mine:
    def __call__(self, probs, evidence):
        return (probs * (1 - probs)).flatten(1).mean(1)
objective = Sum((Fit(SeedsOnly()), Regularize(Mine())))
""",
    "divergence": """
@dataclass(frozen=True)
class Mine:
    def __call__(self, target, log_probs):
        return -(target * log_probs).sum(1)
objective = Fit(SeedsOnly(), seed_divergence=Mine())
""",
    "objective": """
def mine(logits, batch):
    return Fit(SeedsOnly())(logits, batch)
objective = mine
""",
    "data set": """
@dataclass(frozen=True)
class Mine:
    samples: object
    classes = property(lambda self: self.samples.classes)
    keys = property(lambda self: self.samples.keys)
    def __len__(self):
        return len(self.samples)
    def __getitem__(self, index):
        return self.samples[index]
training, judged = Mine(Simulated(data, (Scribbles(), Tags()))), Mine(judged)
""",
}


def advised(message):
    """The words behind `--recipe` in a message."""
    found = re.search(r"--recipe (\S+?)[,;]?(?:\s|$)", message)
    assert found, message
    return shlex.split(found[1])[0]


@pytest.mark.parametrize("kind", OWN)
def test_every_command_goes_on_with_what_is_made_by_own_code(weakseg, tmp_path, kind):
    """Train, resume, evaluate, predict, tune-crf, report and a table, by the steps that the commands print."""
    recipe, run = tmp_path / "mine.py", tmp_path / "run"
    recipe.write_text(HEAD + OWN[kind] + TAIL)
    trained = weakseg("train", recipe, "--out", run, "--device", "cpu")
    assert trained.code == 0, trained.err
    following = advised(trained.out)
    for step in [line.split() for line in trained.out.splitlines() if line.startswith("  weakseg ")]:
        said = weakseg(*shlex.split(" ".join(step[1:])))
        assert said.code == 0, said.err
    assert weakseg("train", recipe, "--out", run, "--device", "cpu", "--resume").code == 0

    image = tmp_path / "a.png"
    Image.new("RGB", (40, 32), "red").save(image)
    said = weakseg("predict", run, image, "--out", tmp_path / "masks", "--recipe", following)
    assert said.code == 0, said.err
    assert (read_labels(tmp_path / "masks" / "a.png") == load(run, recipe=following).labels(image)).all()
    said = weakseg("tune-crf", run, "--images", 1, "--recipe", following)
    assert said.code == 0, said.err


@pytest.mark.parametrize("kind", OWN)
def test_without_the_file_nothing_is_executed_and_the_advice_works(weakseg, tmp_path, kind):
    """A command works or names the file that it needs; with it, it works; a page leaves out what cannot be made."""
    recipe, run, proof = tmp_path / "mine.py", tmp_path / "run", tmp_path / "executed"
    recipe.write_text(HEAD + OWN[kind] + TAIL + f"\nopen({str(proof)!r}, 'a').close()\n")
    assert weakseg("train", recipe, "--out", run, "--device", "cpu").code == 0
    proof.unlink()

    said = weakseg("evaluate", run)
    page = weakseg("report", run)

    assert not proof.exists()
    assert page.code == 0, page.err
    if said.code:
        assert said.code == 2
        assert weakseg("evaluate", run, "--recipe", advised(said.err)).code == 0
        assert "your own code" in (run / "report.html").read_text()
    assert weakseg("report", run, "--recipe", run / "recipe.py").code == 0
    assert "your own code" not in (run / "report.html").read_text()


def test_a_table_fills_its_cells_with_own_code(weakseg, tmp_path):
    """Its columns with a CRF too, for which every run is opened again."""
    names = "\nfrom weakseg.experiments.table import Row, Table\n"
    table = tmp_path / "mine.py"
    table.write_text(HEAD + names + OWN["network"] + OWN["data set"].replace("Mine", "Ours") + TAIL)
    said = weakseg("experiments", table, "--out", tmp_path / "runs")
    assert said.code == 0, said.err
    assert "1/1" in said.out


def test_the_recipe_of_another_run_is_refused(weakseg, tmp_path):
    """The file that is named must be the run's own, its seed and epochs included; that of the run folder is."""
    recipe, run = tmp_path / "mine.py", tmp_path / "run"
    recipe.write_text(HEAD + OWN["network"] + TAIL)
    assert weakseg("train", recipe, "--out", run, "--seed", 3, "--device", "cpu").code == 0
    said = weakseg("evaluate", run, "--recipe", recipe)
    assert said.code == 2
    assert "seed" in said.err
    assert weakseg("evaluate", run, "--recipe", advised(said.err)).code == 0


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("objective = nn.CrossEntropyLoss()", "CrossEntropyLoss"),
        ("objective = Fit(SeedsOnly)", "write SeedsOnly"),
        ("objective = Fit(DualProjection(TaggedClassesPresent))", "TaggedClassesPresent"),
        ("network = UNet", "UNet"),
        ("network = nn.Conv2d(3, 6, 1)", "Conv2d"),
        ("objective = lambda logits: logits.sum()", "trial step"),
        ("objective = lambda logits, batch: batch.nothing", "nothing"),
        ("data = Scenes", "Scenes"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(weakseg, tmp_path, line, word):
    """By name, in one message, and without a folder that looks trained."""
    recipe = tmp_path / "mine.py"
    recipe.write_text(HEAD + line + TAIL)
    said = weakseg("train", recipe, "--out", tmp_path / "run", "--device", "cpu")
    assert said.code == 2
    assert word in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "run" / "run.json").exists()
