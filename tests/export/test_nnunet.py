"""Raw data of nnU-Net: what stage A found, "ignore" where it is unsure, in the layout that nnU-Net reads."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finished_run import FinishedRun
from images import Squares, tiny_recipe
from PIL import Image

from weakseg.data.sample import Sample
from weakseg.data.soft_target import quantised
from weakseg.errors import DataInvalid, RunInvalid, WriteRefused
from weakseg.export.nnunet import _known, _numbers, _splits, write_nnunet
from weakseg.losses.objectives import Fit
from weakseg.recipe.json_codec import decode
from weakseg.recipe.recipe import Phase
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train.targets import Targets
from weakseg.types import UNLABELED, Classes


@dataclass(frozen=True)
class Scribbled:
    """Squares of which a row is drawn, in names that are paths; the corner of each image is void."""

    keys: tuple[str, ...] = ("site/a b", "site/c", "d")
    volumes: tuple[str, ...] = ("p1", "p1", "p2")
    classes: Classes = Classes(("square", "ground"), background=1)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:
        sample = Squares()[index]
        seeds = np.full(sample.valid.shape, UNLABELED)
        seeds[5] = np.where(sample.image[0, 5] > 0.5, 0, 1)
        valid = np.ones(seeds.shape, bool)
        valid[0, 0] = False
        return replace(sample, key=self.keys[index], volume=self.volumes[index], seeds=seeds, valid=valid, strokes=())


def nothing(done: int, total: int) -> None:
    """No progress."""


def run_of(place: Path, objective: Any = None) -> Any:
    """A run whose last objective is this one."""
    phases = (Phase(objective or Fit(SeedsOnly()), 1),)
    return FinishedRun(place / "run", recipe=replace(tiny_recipe(), phases=phases), classes=Scribbled().classes)


def written(place: Path, **changed: Any):
    """The folder, and what is said of it."""
    run = run_of(place)
    folder = place / "raw" / "Dataset101_Squares"
    return folder, write_nnunet(run, run.predictor(), Scribbled(**changed), folder, 0.9, nothing)


def test_the_layout_is_that_of_nnunet(tmp_path):
    """Images by channel, labels of the same names, background 0, and ignore the highest number."""
    folder, found = written(tmp_path)
    told = json.loads((folder / "dataset.json").read_text())
    assert told["labels"] == {"background": 0, "square": 1, "ignore": 2}
    assert told["numTraining"] == found.images == 3
    assert told["file_ending"] == ".png"
    cases = sorted(path.stem for path in (folder / "labelsTr").iterdir())
    assert cases == ["d", "site_a_b", "site_c"]
    assert sorted(path.name for path in (folder / "imagesTr").iterdir()) == [f"{case}_0000.png" for case in cases]
    assert {*told["channel_names"]} == {"0"}


def test_what_is_not_known_is_ignored(tmp_path):
    """Of a solver that only knows what is drawn, everything else; void too."""
    folder, found = written(tmp_path)
    sample = Scribbled()[2]
    labels = np.asarray(Image.open(folder / "labelsTr" / "d.png"))
    assert (labels[[*range(5), *range(6, len(labels))]] == 2).all()
    assert (labels[5] == np.where(sample.seeds[5] == 0, 1, 0)).all()
    assert found.taught == pytest.approx(found.drawn)
    image = np.asarray(Image.open(folder / "imagesTr" / "d_0000.png"))
    np.testing.assert_allclose(image / 255, sample.image[0], atol=1 / 255)


def test_stored_targets_are_taken(tmp_path):
    """Those that the network was trained towards, and nothing is solved."""
    run = run_of(tmp_path)
    for index in range(3):
        sample = Scribbled()[index]
        Targets(run.path / "targets").keep(sample, np.zeros(sample.valid.shape, int))
    folder = tmp_path / "Dataset007_x"
    write_nnunet(run, run.predictor(), Scribbled(), folder, 0.9, nothing)
    labels = np.asarray(Image.open(folder / "labelsTr" / "site_c.png"))
    assert labels[0, 0] == 2
    assert (np.delete(labels, 5, 0)[1:] == 1).all()


def test_unsure_pixels_of_soft_targets_are_ignored():
    """A class needs its probability; what was drawn is sure."""
    sample = Scribbled()[0]
    size = sample.valid.shape
    target = np.zeros((2, *size), np.float32)
    target[0, :, :8], target[0, :, 8:] = 0.95, 0.6
    target[1] = 1 - target[0]
    weight = np.ones(size, np.float32)
    weight[2] = 0
    seeds = sample.seeds
    known = _known(sample, quantised(target, weight, size), seeds, 2, 0.9)
    assert (known[seeds != UNLABELED] == seeds[seeds != UNLABELED]).all()
    free = seeds == UNLABELED
    assert (known[2] == UNLABELED).all()
    assert known[0, 0] == UNLABELED
    assert (known[6:, :6][free[6:, :6]] == 0).all()
    assert (known[6:, 10:][free[6:, 10:]] == UNLABELED).all()


def test_folds_never_divide_a_volume(tmp_path):
    """Slices of a patient would leak from training to validation."""
    folder, _ = written(tmp_path)
    folds = json.loads((folder / "splits_final.json").read_text())
    assert [{*fold["val"]} for fold in folds] == [{"site_a_b", "site_c"}, {"d"}]
    assert all({*fold["train"]}.isdisjoint(fold["val"]) for fold in folds)
    assert len(_splits([[str(number)] for number in range(12)])) == 5


def test_classes_without_a_background_count_from_one():
    """nnU-Net's 0 is then in no label map; names that it keeps for itself get a line behind them."""
    numbers, labels = _numbers(Classes(("ignore", "b")))
    assert numbers.tolist() == [1, 2]
    assert labels == {"background": 0, "ignore_": 1, "b": 2, "ignore": 3}


def test_what_cannot_be_written_is_said_first(tmp_path):
    """Nothing is left of it."""
    with pytest.raises(DataInvalid, match="same name"):
        written(tmp_path, keys=("a b", "a_b", "c"))
    run = run_of(tmp_path)
    for name, wrong in (("hearts", DataInvalid), ("run", WriteRefused)):
        with pytest.raises(wrong):
            write_nnunet(run, run.predictor(), Scribbled(), tmp_path / name, 0.9, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_solvers_of_ones_own_need_the_recipe(tmp_path):
    """As everywhere."""
    run = run_of(tmp_path, decode({"type": "weakseg.Fit", "solver": {"type": "recipe.Mine"}}))
    with pytest.raises(RunInvalid, match="your own code"):
        write_nnunet(run, run.predictor(), Scribbled(), tmp_path / "Dataset001_x", 0.9, nothing)
