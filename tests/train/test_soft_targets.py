"""Soft hidden segmentations that are remembered soft: in files, in training, and after damage."""

import hashlib
import json
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from images import Squares, Tiny, tiny_recipe
from launch import launch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rich.console import Console
from safetensors.torch import load_file
from torch.nn import functional as F

from weakseg import AlphaExpansion, Augment, Fit, Hardened, JointProjection, Memory, Phase, Sgd
from weakseg.data.images.label_file import read_note, write_labels
from weakseg.data.soft_target import SoftTarget, quantised, soft_labels
from weakseg.data.view import view, whole
from weakseg.datasets import Scenes
from weakseg.divergences import CollisionCrossEntropy, CrossEntropy, RobustCrossEntropy
from weakseg.errors import DataInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.runs import run_writer
from weakseg.simulate import Clicks, Scribbles, Simulated
from weakseg.train import update_targets as updating
from weakseg.train.hidden_segmentation import hidden_segmentation, hidden_segmentations
from weakseg.train.loader import Share
from weakseg.train.loop import train_recipe
from weakseg.train.targets import Targets
from weakseg.train.update_targets import update_targets
from weakseg.types import UNLABELED, Evidence, Solution

CLICKED = Simulated(Squares(), (Clicks(),))
JOINT = JointProjection(max_sweeps=3)
RECIPE = tiny_recipe(
    training=CLICKED,
    phases=(Phase(Fit(JOINT), epochs=4, learning_rate=1e-2, update_targets_every=2),),
    network=Tiny(dropout=0.0),
)
"""Soft hidden segmentations are found before the epochs 0 and 2."""


def predictor(data=CLICKED, channels=1) -> Predictor:
    """An untrained network."""
    torch.manual_seed(0)
    return Predictor(Tiny(0.0).build(channels, len(data.classes)), data.classes, channels=channels)


@given(st.sampled_from([2, 21, 300, 600]), st.tuples(st.integers(1, 6), st.integers(1, 6)), st.integers(0, 99))
@settings(max_examples=25)
def test_a_file_reads_back_what_the_solver_gave(classes, grid, seed):
    """To 1/255 in each cell, whatever the grid and however many the classes."""
    generator = np.random.default_rng(seed)
    target = generator.dirichlet([0.1] * classes, grid).transpose(2, 0, 1).astype(np.float32)
    weight = generator.choice([0.0, 0.4, 1.0], grid).astype(np.float32)
    sample = replace(CLICKED[0], tags=np.ones(classes, int), areas=np.tile([0.0, 1.0], (classes, 1)))
    with TemporaryDirectory() as folder:
        targets = Targets(Path(folder), "a mark")
        targets.keep(sample, quantised(target, weight, (24, 24)))
        found = targets(sample)
    assert isinstance(found, SoftTarget)
    levels = np.zeros(target.shape)
    levels[found.classes] = found.levels
    assert np.abs(levels / 255 - target)[:, weight > 0].max(initial=0) < 1 / 255 + 1e-6
    assert np.abs(found.weight / 255 - weight).max() < 1 / 255


def test_a_soft_solution_is_one_small_grey_image(tmp_path):
    """Tiles of the solver's own cells, of the classes that occur; one-hot images beside them stay label maps."""
    data = Simulated(Scenes(4), (Scribbles(),))
    targets = Targets(tmp_path, "a mark")
    update_targets(Fit(JointProjection()), predictor(data, 3), data, targets, None, Share())

    for i in range(4):
        path = tmp_path / f"{data.keys[i]}.png"
        found = targets(data[i])
        assert isinstance(found, SoftTarget)
        with Image.open(path) as image:
            assert (image.mode, image.format) == ("L", "PNG")
            assert image.size == (32, 24 * len(found.classes))
            np.testing.assert_array_equal(np.asarray(image), found.levels.reshape(-1, 32))
        assert json.loads(read_note(path))["classes"] == found.classes.tolist()
        assert path.stat().st_size < 8000


def test_one_hot_solutions_are_written_as_they_always_were(tmp_path):
    """The very bytes, so that runs of earlier versions go on."""
    cut = AlphaExpansion()
    network = predictor()
    update_targets(Fit(cut), network, CLICKED, Targets(tmp_path / "now", "a mark"), None, Share())
    for i in (0, 5):
        sample = CLICKED[i]
        labels, _ = hidden_segmentation(cut, sample, network.log_probs(sample.image[None])[0], None)
        assert isinstance(labels, np.ndarray)
        values = np.where(labels == UNLABELED, 255, labels)
        text = f"a mark {sample.key} {labels.shape} ".encode() + np.ascontiguousarray(values, np.int32).tobytes()
        write_labels(tmp_path / "then.png", labels, 255, hashlib.sha256(text).hexdigest()[:32])
        assert (tmp_path / "now" / f"{sample.key}.png").read_bytes() == (tmp_path / "then.png").read_bytes()


def test_a_hardened_solution_is_a_label_map_of_the_most_likely_class(tmp_path):
    """What was remembered of every soft solution before."""
    sample, network = CLICKED[0], predictor()
    log_probs = network.log_probs(sample.image[None])[0]
    pixels = replace(JOINT, cell_px=1)
    soft, _ = hidden_segmentation(pixels, sample, log_probs, None)
    hard, solution = hidden_segmentation(Hardened(pixels), sample, log_probs, None)
    assert isinstance(soft, SoftTarget)
    assert isinstance(hard, np.ndarray)
    sure = np.abs(np.diff(soft.levels.astype(int), axis=0))[0] > 1
    assert sure.mean() > 0.5
    assert (hard == soft_labels(soft))[sure].all()
    assert "gap" in solution.certificate


def resaved(path, change, note=lambda known: known):
    """The same file with other pixels or another note."""
    with Image.open(path) as image:
        values, known = np.array(image), json.loads(image.info["weakseg"])
    text = PngInfo()
    text.add_text("weakseg", json.dumps(note(known)))
    Image.fromarray(change(values)).save(path, pnginfo=text)


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:60]),
    "swapped": lambda path: path.write_bytes(path.with_name(f"{CLICKED.keys[2]}.png").read_bytes()),
    "a pixel": lambda path: resaved(path, lambda values: values ^ (np.arange(values.size) == 7).reshape(values.shape)),
    "rows": lambda path: resaved(path, lambda values: values[:-1]),
    "classes": lambda path: resaved(path, np.array, lambda known: known | {"classes": [0, 7]}),
    "size": lambda path: resaved(path, np.array, lambda known: known | {"size": [48, 48]}),
    "no classes": lambda path: resaved(path, np.array, lambda known: {"digest": known["digest"]}),
    "no note": lambda path: Image.fromarray(np.zeros((24, 24), np.uint8)).save(path),
    "strange note": lambda path: write_labels(path, np.zeros((24, 24), int), note="{" * 9000),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_found(tmp_path, damage):
    """By the digest, which is of tiles, classes, size, image and search."""
    targets = Targets(tmp_path, "a mark")
    for i in (1, 2):
        target = np.random.default_rng(i).dirichlet([1, 1], (6, 6)).transpose(2, 0, 1)
        targets.keep(CLICKED[i], quantised(target, np.ones((6, 6)), (24, 24)))
    damage(tmp_path / f"{CLICKED.keys[1]}.png")

    assert targets.wanting(CLICKED.keys[1:3]) == [CLICKED.keys[1]]
    assert targets.find(CLICKED[1]) is None
    assert replace(targets, mark="another").wanting(CLICKED.keys[2:3]) == [CLICKED.keys[2]]


def test_soft_ones_of_other_images_and_classes_are_refused(tmp_path):
    """As label maps are, where no digest is known."""
    targets = Targets(tmp_path)
    targets.keep(CLICKED[0], quantised(np.ones((2, 3, 3)), np.ones((3, 3)), (30, 30)))
    with pytest.raises(DataInvalid, match=r"\(30, 30\), its image \(24, 24\)"):
        targets(CLICKED[0])
    targets.keep(CLICKED[0], quantised(np.ones((9, 3, 3)), np.ones((3, 3)), (24, 24)))
    with pytest.raises(DataInvalid, match="has label 8"):
        targets(CLICKED[0])


def test_shares_of_processes_are_together_what_one_finds(tmp_path):
    """To the byte."""
    update_targets(Fit(JOINT), predictor(), CLICKED, Targets(tmp_path / "one", "m"), None, Share())
    for rank in (0, 1):
        update_targets(Fit(JOINT), predictor(), CLICKED, Targets(tmp_path / "two", "m"), None, Share(rank, 2))
    files = sorted((tmp_path / "one").iterdir())
    assert len(files) == len(CLICKED)
    assert all(file.read_bytes() == (tmp_path / "two" / file.name).read_bytes() for file in files)


@dataclass(frozen=True)
class Asking:
    """Answers with certainty, and remembers what it was given to begin with."""

    seen: list

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The first class."""
        self.seen.append(start.labels)
        target = F.one_hot(torch.zeros_like(evidence.weak.seeds), 2).movedim(-1, 1).float()
        return Solution(target, evidence.weak.valid.float(), torch.zeros(1), ("",))


def test_a_search_begins_with_the_most_likely_classes_of_a_soft_one(tmp_path):
    """A cut after projections starts from their labels."""
    soft, seen = Targets(tmp_path / "soft"), []
    update_targets(Fit(JOINT), predictor(), CLICKED, soft, None, Share())
    update_targets(Fit(Asking(seen)), predictor(), CLICKED, Targets(tmp_path / "next"), soft, Share())
    for i, labels in enumerate(seen):
        found = soft(CLICKED[i])
        assert isinstance(found, SoftTarget)
        np.testing.assert_array_equal(labels[0].numpy(), soft_labels(found))


@dataclass(frozen=True)
class Watching:
    """Cross entropy that remembers what it was given."""

    seen: list

    def __call__(self, target, log_probs):
        """Nats per pixel."""
        self.seen.append(target)
        return CrossEntropy()(target, log_probs)


def test_a_divergence_sees_the_distribution_and_the_weight_that_were_stored():
    """Each hidden pixel teaches with its confidence and its weight; marked and void ones nothing."""
    seen: list[torch.Tensor] = []
    sample = replace(CLICKED[0], valid=np.arange(24)[:, None] + np.zeros(24) < 20)
    target = np.random.default_rng(0).dirichlet([1, 1], (24, 24)).transpose(2, 0, 1)
    weight = np.random.default_rng(1).choice([0.0, 0.4, 1.0], (24, 24))
    soft = quantised(target, weight, (24, 24))
    batch = view(sample, whole(), (24, 24), soft)
    logits = torch.randn(1, 2, 24, 24, generator=torch.Generator().manual_seed(0))
    fit = Fit(JOINT, Watching(seen), CrossEntropy())

    loss = fit(logits, batch) - replace(fit, weight=0.0)(logits, batch)

    hidden = batch.weak.hidden[0].numpy()
    stored = soft.levels / 255
    assert np.abs(seen[0][0].numpy() - stored)[:, hidden & (weight > 0)].max() < 1e-6
    entropy = -(stored * logits[0].log_softmax(0).numpy()).sum(0)
    expected = (entropy * soft.weight / 255)[hidden].sum() / hidden.sum()
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("divergence", [CrossEntropy(), CollisionCrossEntropy(), RobustCrossEntropy(0.3)], ids=repr)
@pytest.mark.parametrize("soft", [True, False])
def test_cells_of_which_nothing_is_remembered_cost_nothing(divergence, soft):
    """They have no distribution, and divergences may be infinite there; loss and gradient are numbers all the same."""
    found = np.arange(24)[:, None] + np.zeros(24) < 12
    target = quantised(np.full((2, 24, 24), 0.5), found.astype(float), (24, 24))
    batch = view(CLICKED[0], whole(), (24, 24), target if soft else np.where(found, 1, UNLABELED))
    logits = torch.zeros(1, 2, 24, 24, requires_grad=True)

    Fit(JOINT, divergence)(logits, batch).backward()

    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    unmarked = batch.weak.hidden[0] & ~torch.from_numpy(found)
    assert not logits.grad[0][:, unmarked].any()


@dataclass(frozen=True)
class ByHand:
    """Solves for whole images at every step, and follows the answer in pixels: no store, no levels, no `Fit`."""

    solver: JointProjection

    def __call__(self, logits, batch):
        """Mean cross entropy of marks, plus that of hidden pixels."""
        size, weak = batch.weak.seeds.shape[1:], batch.weak
        log_probs = F.interpolate(logits, size, mode="bilinear", align_corners=False).log_softmax(1)
        total = torch.zeros(())
        for i in range(len(logits)):
            one = view(self_of(batch.keys[i]), whole(), tuple(size)).weak
            found = self.solver.solve(Evidence(batch.image[[i]], log_probs[[i]].detach(), one))
            target = F.interpolate(found.target, size, mode="bilinear", align_corners=False)
            hidden, marked = weak.hidden[i], weak.seeds[i] != UNLABELED
            total = total - (target[0] * log_probs[i]).sum(0)[hidden].mean()
            total = total + F.nll_loss(log_probs[i].movedim(0, -1)[marked], weak.seeds[i][marked])
        return total / len(logits)


SCENES = Simulated(Scenes(4, size=(32, 64)), (Scribbles(),))


def self_of(key: str):
    """The scene of that name."""
    return SCENES[SCENES.keys.index(key)]


def test_a_training_that_remembers_for_an_epoch_is_one_that_solves_by_hand(tmp_path):
    """One step per epoch, so that what was found before it is of the network of that step; to the levels."""
    still = Augment(crop=None, zoom=(1.0, 1.0), flip=0.0, brightness=0.0, contrast=0.0)
    solver = JointProjection(temperature=1.0, max_sweeps=5)

    def trained(name, objective, **schedule):
        recipe = tiny_recipe(
            training=SCENES,
            validation=None,
            network=Tiny(dropout=0.0),
            augment=still,
            optimizer=Sgd(momentum=0.0),
            phases=(Phase(objective, epochs=3, learning_rate=0.1, **schedule),),
        )
        run = train_recipe(recipe, tmp_path / name, device="cpu")
        return torch.cat([each.flatten() for _, each in sorted(load_file(run.path / "last.safetensors").items())])

    hand = trained("hand", ByHand(solver))
    soft = trained("soft", Fit(solver), update_targets_every=1)
    hard = trained("hard", Fit(Hardened(solver)), update_targets_every=1)
    assert (soft - hand).abs().max() < 1e-3
    assert (hard - hand).abs().max() > 10 * (soft - hand).abs().max()


def weights(path):
    """Copies, for what is read is the file itself."""
    return {name: tensor.clone() for name, tensor in load_file(path / "last.safetensors").items()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that nothing happened to, and what it said."""
    said = StringIO()
    console = Console(file=said, width=300)
    path = tmp_path_factory.mktemp("whole") / "run"
    return train_recipe(RECIPE, path, device="cpu", console=console), said.getvalue()


def test_an_update_is_told_with_its_solver_its_proof_and_its_confidence(finished):
    """In the log and in the metrics."""
    run, said = finished
    updates = [line for line in run.metrics if "targets_energy" in line]
    assert [line["epoch"] for line in updates] == [0, 2]
    for line in updates:
        assert 0 <= line["targets_gap"] == pytest.approx(line["targets_energy"] - line["targets_bound"])
        assert 0.5 < line["targets_confidence"] < 1
        assert 0 < line["targets_mean_iou"] <= 1
    told = [line for line in said.splitlines() if line.startswith("targets updated by JointProjection")]
    assert len(told) == 2
    assert all(f"  {name} " in told[0] for name in ("mIoU", "confidence", "energy", "bound", "gap"))


def test_a_run_killed_in_a_sweep_ends_with_bit_equal_weights(tmp_path, finished, monkeypatch):
    """The second sweep is broken off at its fifth image."""
    calls = []

    def breaking(*arguments):
        calls.append(arguments)
        if len(calls) == len(CLICKED) + 5:
            raise KeyboardInterrupt
        return hidden_segmentations(*arguments)

    monkeypatch.setattr(updating, "hidden_segmentations", breaking)
    with pytest.raises(KeyboardInterrupt):
        train_recipe(RECIPE, tmp_path / "broken", device="cpu")
    monkeypatch.undo()
    train_recipe(RECIPE, tmp_path / "broken", device="cpu", resume=True)

    resumed, one = weights(tmp_path / "broken"), weights(finished[0].path)
    assert all(torch.equal(resumed[name], one[name]) for name in one)


_PROGRAM = """
import sys
from test_soft_targets import RECIPE
from weakseg.train.loop import train_recipe
train_recipe(RECIPE, sys.argv[1], device="cpu")
"""


def test_a_launch_of_two_processes_stores_the_targets_of_one(tmp_path, finished):
    """The first search to the byte; the second to a level, as weights are the sums of two processes then."""
    program, one = tmp_path / "program.py", finished[0].path
    program.write_text(_PROGRAM)
    launch(2, program, tmp_path / "two")
    folders = ("targets_before/epoch_00000", "targets/epoch_00002")
    for i in range(len(CLICKED)):
        first, second = (Path(folder) / f"{CLICKED.keys[i]}.png" for folder in folders)
        assert (tmp_path / "two" / first).read_bytes() == (one / first).read_bytes()
        levels = [np.asarray(Image.open(path / second)).astype(int) for path in (tmp_path / "two", one)]
        assert np.abs(levels[0] - levels[1]).max() <= 1


def test_damage_in_the_middle_of_a_stretch_is_told_and_mended(tmp_path, finished, monkeypatch):
    """Broken off after the third epoch, of which one target is then changed: the last bits are the same."""
    save = run_writer.save

    def saved(*given):
        best = save(*given)
        if given[3][-1]["epoch"] == 2:
            raise KeyboardInterrupt
        return best

    monkeypatch.setattr(run_writer, "save", saved)
    with pytest.raises(KeyboardInterrupt):
        train_recipe(RECIPE, tmp_path / "run", device="cpu")
    monkeypatch.undo()
    DAMAGE["a pixel"](tmp_path / "run" / "targets" / "epoch_00002" / "squares1.png")
    said = StringIO()
    train_recipe(RECIPE, tmp_path / "run", device="cpu", resume=True, console=Console(file=said, width=300))

    assert "1 of the hidden segmentations it goes on with are missing or were changed (squares1)" in said.getvalue()
    resumed, one = weights(tmp_path / "run"), weights(finished[0].path)
    assert all(torch.equal(resumed[name], one[name]) for name in one)
