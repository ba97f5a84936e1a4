"""Hidden segmentations that are found every few epochs and remembered in between."""

import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from images import Squares, Tiny, tiny_recipe
from launch import launch
from rich.console import Console
from safetensors.torch import load_file

from weakseg import AlphaExpansion, Classes, Fit, MeanField, Memory, Phase, SeedsOnly, Sum
from weakseg.cuts import alpha_expansion
from weakseg.data.images.label_file import read_labels
from weakseg.energies import DenseCRF
from weakseg.errors import DataInvalid, EvidenceInvalid, RecipeInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.papers import EmAdapt
from weakseg.recipe.recipe import Recipe, with_epochs
from weakseg.simulate import Clicks, Simulated
from weakseg.train import engine
from weakseg.train import update_targets as updating
from weakseg.train.hidden_segmentation import hidden_segmentations
from weakseg.train.loader import Share
from weakseg.train.loop import train_recipe
from weakseg.train.progress import display
from weakseg.train.target_schedule import refresh
from weakseg.train.targets import Targets
from weakseg.train.update_targets import _of_one_size, fit_in, update_targets
from weakseg.types import UNLABELED, Batch, Evidence, Solution

CLICKED = Simulated(Squares(), (Clicks(),))
FIT = Fit(EmAdapt(background_share=0.5))


def update(solver, samples, predictor, targets, earlier=None, share=Share()):
    """The outcomes of an update, without images whose target was there already."""
    found = []
    update_targets(Fit(solver), predictor, samples, targets, earlier, share, found.append)
    return [each for each in found if each is not None]


def remembering_recipe(**changes) -> Recipe:
    """Four epochs, of which the first and the third find hidden segmentations."""
    phases = (Phase(FIT, epochs=4, learning_rate=1e-2, update_targets_every=2),)
    return tiny_recipe(**{"training": CLICKED, "phases": phases, "network": Tiny(dropout=0.0), **changes})


@dataclass(frozen=True)
class Once:
    """Answers with what it was handed to start from, or else with the class of each image's number."""

    seen: list

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """Remembers what it saw."""
        self.seen.append((evidence, start))
        shape = evidence.weak.seeds.shape
        target = torch.zeros(shape[0], 2, *shape[1:])
        target[:, 1] = 1
        return Solution(target, torch.ones(shape), torch.tensor([2.0]), ("",), {"bound": torch.tensor([1.0])})


def predictor() -> Predictor:
    """An untrained network."""
    torch.manual_seed(0)
    return Predictor(Tiny(0.0).build(1, 2), CLICKED.classes, channels=1)


def test_targets_lie_in_the_run_folder_as_label_maps(tmp_path):
    """One image a file, for people to look at; those of earlier sweeps are gone."""
    train_recipe(remembering_recipe(), tmp_path / "run", device="cpu")

    assert [path.name for path in (tmp_path / "run" / "targets").iterdir()] == ["epoch_00002"]
    files = sorted((tmp_path / "run" / "targets" / "epoch_00002").iterdir())
    assert [file.stem for file in files] == sorted(CLICKED.keys)
    assert {*np.unique(read_labels(files[0])).tolist()} <= {0, 1}


def test_only_epochs_that_refresh_solve(tmp_path):
    """Each image is solved once a sweep, whole, as it is on disk; the other epochs do nothing."""
    seen = []
    phases = (Phase(Fit(Once(seen)), epochs=4, update_targets_every=2),)
    train_recipe(remembering_recipe(phases=phases), tmp_path / "run", device="cpu")

    assert len(seen) == 2 * len(CLICKED)
    assert all(evidence.weak.seeds.shape == (1, 24, 24) for evidence, _ in seen)
    assert all(start.labels is None for _, start in seen[: len(CLICKED)])
    assert all((start.labels == 1).all() for _, start in seen[len(CLICKED) :])


def test_a_sweep_is_logged_with_energy_bound_and_what_the_masks_say(tmp_path):
    """In the line of the epoch that it came before."""
    phases = (Phase(Fit(Once([])), epochs=4, update_targets_every=3),)
    lines = train_recipe(remembering_recipe(phases=phases), tmp_path / "run", device="cpu").metrics

    swept = [line["epoch"] for line in lines if "targets_energy" in line]
    assert swept == [0, 3]
    assert (lines[0]["targets_energy"], lines[0]["targets_bound"]) == (2.0, 1.0)
    shares = [float((Squares()[i].truth == 1).mean()) for i in range(len(CLICKED))]  # pyright: ignore
    assert lines[0]["targets_mean_iou"] == pytest.approx(np.mean(shares) / 2)


def test_a_sweep_that_was_broken_off_goes_on_where_it_was(tmp_path):
    """What is there is kept, what is missing or damaged is found again."""
    seen = []
    targets = Targets(tmp_path, "a mark")
    update(EmAdapt(), CLICKED, predictor(), targets, None, Share())
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    (tmp_path / f"{CLICKED.keys[3]}.png").unlink()
    (tmp_path / f"{CLICKED.keys[5]}.png").write_bytes(before[f"{CLICKED.keys[5]}.png"][:40])

    assert len(update(EmAdapt(), CLICKED, predictor(), targets, None, Share())) == 2
    update(Once(seen), CLICKED, predictor(), targets, None, Share())

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert not seen


def test_shares_of_processes_are_together_what_one_finds(tmp_path):
    """Each image is solved for itself, so it does not matter where."""
    update(EmAdapt(), CLICKED, predictor(), Targets(tmp_path / "one"), None, Share())
    for rank in (0, 1):
        update(EmAdapt(), CLICKED, predictor(), Targets(tmp_path / "two"), None, Share(rank, 2))

    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


_PROGRAM = """
import sys
from test_targets import remembering_recipe
from weakseg.train.loop import train_recipe
from pathlib import Path
train_recipe(remembering_recipe(), sys.argv[1], device="cpu")
from weakseg.train import engine
Path(sys.argv[1], f"processes_{engine.start('cpu', False).num_processes}").touch()
"""


def test_a_launch_of_two_processes_stores_the_targets_of_one(tmp_path):
    """Each solves its share of the images, into one folder."""
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    launch(2, program, tmp_path / "two")
    assert (tmp_path / "two" / "processes_2").exists()
    train_recipe(remembering_recipe(), tmp_path / "one", device="cpu")

    for file in (tmp_path / "one" / "targets" / "epoch_00002").iterdir():
        other = read_labels(tmp_path / "two" / "targets" / "epoch_00002" / file.name)
        assert (other == read_labels(file)).all()


def test_a_run_killed_in_a_sweep_ends_with_bit_equal_weights(tmp_path, monkeypatch):
    """The second sweep is broken off at its fifth image; the resumed run keeps four and finds the others."""
    whole = train_recipe(remembering_recipe(), tmp_path / "whole", device="cpu").path
    calls = []

    def breaking(*arguments):
        calls.append(arguments)
        if len(calls) == len(CLICKED) + 5:
            raise KeyboardInterrupt
        return hidden_segmentations(*arguments)

    monkeypatch.setattr(updating, "hidden_segmentations", breaking)
    with pytest.raises(KeyboardInterrupt):
        train_recipe(remembering_recipe(), tmp_path / "broken", device="cpu")
    assert (tmp_path / "broken" / "targets" / "epoch_00000").is_dir()
    train_recipe(remembering_recipe(), tmp_path / "broken", device="cpu", resume=True)

    resumed, one = (load_file(path / "last.safetensors") for path in (tmp_path / "broken", whole))
    assert all(torch.equal(resumed[name], one[name]) for name in one)


def test_targets_that_vanish_stop_the_run_and_are_found_again(tmp_path):
    """No view is trained on without its target; the message names the file, and a resumed run goes on."""
    recipe = remembering_recipe()
    train_recipe(with_epochs(recipe, 3), tmp_path / "run", device="cpu")
    targets = Targets(tmp_path / "run" / "targets" / "epoch_00002")
    shutil.rmtree(targets.folder)

    with pytest.raises(DataInvalid, match=r"epoch_00002.*squares0\.png is missing"):
        targets(CLICKED[0])
    assert targets.find(CLICKED[0]) is None


def test_a_target_of_a_class_that_is_not_there_is_found_again(tmp_path):
    """It would be taught to another image of the batch."""
    Targets(tmp_path).keep(CLICKED[0], np.full((24, 24), 200))

    with pytest.raises(DataInvalid, match=r"has label 200[\s\S]*--resume"):
        Targets(tmp_path)(CLICKED[0])
    assert Targets(tmp_path).find(CLICKED[0]) is None


def test_a_target_of_another_size_is_refused(tmp_path):
    """A data set that was changed under a run is noticed."""
    Targets(tmp_path).keep(Squares(size=30)[0], np.zeros((30, 30), np.int64))

    with pytest.raises(DataInvalid, match=r"\(30, 30\), its image \(24, 24\)"):
        Targets(tmp_path)(CLICKED[0])


def test_folders_of_other_people_beside_the_targets_stay(tmp_path):
    """Only earlier sweeps are removed."""
    recipe = remembering_recipe()
    train_recipe(with_epochs(recipe, 1), tmp_path / "run", device="cpu")
    (tmp_path / "run" / "targets" / "by_hand").mkdir()
    (tmp_path / "run" / "targets" / "by_hand" / "notes.txt").write_text("mine")
    folder = tmp_path / "run" / "targets" / "epoch_00002"
    with display(Console(quiet=True), 1, 0) as shown:
        processes = engine.start("cpu", False), Share()
        refresh(Targets(folder, "m"), "", FIT, CLICKED, predictor(), processes, shown)
    assert {path.name for path in (tmp_path / "run" / "targets").iterdir()} == {"by_hand", "epoch_00002"}


def test_a_image_too_large_for_a_sweep_is_named_before_it_is_predicted(tmp_path):
    """A hundred megapixels of 21 classes do not fit; the message says what to do, and what was found is kept."""

    class Huge(Squares):
        classes = Classes(tuple(f"class {k}" for k in range(21)))

        def __getitem__(self, index):
            sample = super().__getitem__(index)
            if index != 1:
                return sample
            # Views of single numbers, without the memory that the image would take.
            large = lambda value, *channels: np.broadcast_to(value, (*channels, 10_000, 10_000))  # noqa: E731
            image, whole, nothing = large(np.float32(0), 1), large(True), large(np.int64(UNLABELED))
            return replace(sample, image=image, valid=whole, seeds=nothing, truth=None)

    with pytest.raises(DataInvalid, match=r"squares1 has 10000 x 10000 pixels; .* 31.3 GiB\n.*\nTo do: cut"):
        update(EmAdapt(), Huge(), predictor(), Targets(tmp_path), None, Share())


def test_a_image_too_large_for_its_solver_is_named(tmp_path, monkeypatch):
    """The solver's own message, with the key of the image."""
    monkeypatch.setattr(alpha_expansion, "MEMORY_LIMIT", 1000)
    with pytest.raises(EvidenceInvalid, match="Image 'squares0' has 24 x 24 pixels"):
        update(AlphaExpansion(), CLICKED, predictor(), Targets(tmp_path), None, Share())


def test_a_image_that_its_solver_refuses_without_a_name_is_named(tmp_path):
    """A bandwidth that no lattice can have: the energy that finds it knows no keys."""
    narrow = MeanField(DenseCRF(sxy=1e-9, smooth_sxy=1e-12))
    with pytest.raises(EvidenceInvalid, match="squares0: .* corners"):
        update(narrow, CLICKED, predictor(), Targets(tmp_path), None, Share())


def test_predictions_that_are_no_numbers_name_the_image(tmp_path):
    """Nothing is stored for it."""
    broken = predictor()
    with torch.no_grad():
        for weights in broken.network.parameters():
            weights.fill_(torch.nan)
    with pytest.raises(EvidenceInvalid, match="squares0: the network gave 2 classes, and 512 non-finite values"):
        update(EmAdapt(), CLICKED, broken, Targets(tmp_path / "targets"), None, Share())
    assert not list(tmp_path.rglob("*.png"))


def test_a_part_of_a_file_is_no_target(tmp_path):
    """However much of it was written: what is read is all of it, or it is found again."""
    targets, path = Targets(tmp_path), tmp_path / f"{CLICKED.keys[0]}.png"
    labels = np.random.default_rng(0).integers(0, 2, (24, 24))
    targets.keep(CLICKED[0], labels)
    whole = path.read_bytes()
    for length in range(0, len(whole), 9):
        path.write_bytes(whole[:length])
        found = targets.find(CLICKED[0])
        assert (found == labels).all() if length > len(whole) - 20 else found is None


def test_what_is_remembered_is_the_target_of_hidden_pixels():
    """The loss is that of the remembered labels; pixels without one teach nothing."""
    torch.manual_seed(0)
    seeds = torch.full((1, 4, 4), UNLABELED)
    labels = torch.randint(0, 2, (1, 4, 4))
    labels[0, 0] = UNLABELED
    batch = Batch.of(torch.rand(1, 3, 4, 4), 2, seeds=seeds, targets=labels)
    logits = torch.randn(1, 2, 4, 4)

    expected = torch.nn.functional.cross_entropy(logits, labels, ignore_index=UNLABELED) * 12 / 16

    assert float(FIT(logits, batch)) == pytest.approx(float(expected), rel=1e-5)


def test_a_fit_solves_for_itself_where_the_batch_carries_no_targets():
    """With targets the solver is not asked; without, for the very views."""
    seen = []
    bare = Batch.of(torch.rand(1, 3, 4, 4), 2)
    logits = torch.randn(1, 2, 4, 4)

    with_targets = Fit(Once(seen))(logits, replace(bare, targets=torch.ones(1, 4, 4, dtype=torch.long)))
    assert not seen
    assert Fit(Once(seen))(logits, bare) == pytest.approx(float(with_targets), rel=1e-5)
    assert len(seen) == 1


def test_groups_hold_neighbours_of_one_size():
    """In order, none lost, none larger than asked."""
    samples = [[Squares(size=size)[0]] for size in (24, 24, 24, 30, 24)]
    sizes = [[s.image.shape[1] for (s,) in group] for group in _of_one_size(samples, at_most=2)]
    assert sizes == [[24, 24], [24], [30], [24]]


def test_one_fit_of_an_objective_finds_the_targets():
    """A second one would need a second label map, and none has no solver; a recipe says so before it trains."""
    assert fit_in(Sum((FIT,))) == FIT
    for objective in (Sum((Fit(SeedsOnly()), FIT)), torch.nn.Identity()):
        with pytest.raises(RecipeInvalid, match="exactly one"):
            fit_in(objective)
        with pytest.raises(RecipeInvalid, match=r"phases\[1\].objective has . terms that solve"):
            tiny_recipe(phases=(Phase(FIT, epochs=9), Phase(objective, epochs=1, update_targets_every=1)))
    with pytest.raises(RecipeInvalid, match=r"phases\[0\].update_targets_every is 0"):
        tiny_recipe(phases=(Phase(FIT, epochs=1, update_targets_every=0),))


@dataclass(frozen=True)
class Own:
    """Somebody's own objective around a `Fit`."""

    inner: Fit

    def __call__(self, logits, batch):
        """Twice its loss."""
        return 2 * self.inner(logits, batch)


def test_an_objective_of_one_s_own_remembers_too(tmp_path):
    """What it holds is found however deep, and trained on."""
    assert fit_in(Sum((Sum((Own(FIT),)),))) == FIT
    phase = Phase(Own(FIT), epochs=1, update_targets_every=1)
    run = train_recipe(remembering_recipe(phases=(phase,)), tmp_path / "run")
    assert len(list((run.path / "targets").rglob("*.png"))) == len(CLICKED)


def test_an_update_into_a_folder_finds_all_targets_and_starts_from_those_there(tmp_path):
    """A plain module in a mode of its own: the solver sees its prediction, and next time what it found."""
    seen, network = [], predictor().network.train()
    targets = update_targets(Sum((Fit(Once(seen)),)), network, CLICKED, tmp_path / "targets")
    assert network.training
    assert all(start.labels is None for _, start in seen)
    assert (targets(CLICKED[0]) == 1).all()
    first = next(evidence for evidence, _ in seen if evidence.keys == (CLICKED.keys[0],))
    assert torch.equal(first.log_probs, torch.from_numpy(predictor().log_probs(CLICKED[0].image[None])))

    update_targets(Fit(Once(seen)), network, CLICKED, str(tmp_path / "targets"))
    assert len(seen) == 2 * len(CLICKED)
    assert all((start.labels == 1).all() for _, start in seen[len(CLICKED) :])
