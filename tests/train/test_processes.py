"""Several processes do together what one does alone, and an image costs what it costs alone."""

import json
import runpy

import pytest
import torch
from launch import launch, launch_by_torchrun
from safetensors.torch import load_file
from torch import nn

from weakseg import Fit, SeedsOnly
from weakseg.data.view import collate, of_one_size, view, whole
from weakseg.datasets import Scenes
from weakseg.networks import UNet
from weakseg.train.sizes import EachSize, collate_for, mean_loss

PROGRAM = """
import json, sys
from dataclasses import dataclass
from pathlib import Path
from weakseg import *
from weakseg.datasets import *
from weakseg.networks import *
from weakseg.simulate import *
from weakseg.constraints import *
from weakseg.train import engine

@dataclass(frozen=True)
class Uneven:
    # Generated scenes of six sizes.
    count: int = 6

    classes = Scenes(1).classes
    keys = property(lambda self: tuple(map(str, range(self.count))))

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        from dataclasses import replace
        scenes = Simulated(Scenes(1, seed=index, size=(40 + 5 * index, 64 - 7 * index)), (Scribbles(), Tags()))
        return replace(scenes[0], key=str(index))

whole = sys.argv[2] == "whole"
crop = None if whole else (32, 32)
# What is said about whole images is learnt from whole images.
objective = Fit(DualProjection(TaggedClassesPresent(0.05, 2.0, 0)) if whole else SeedsOnly())
recipe = Recipe(Uneven(), UNet(8, 2), (Phase(objective, 2, learning_rate=3e-3),), augment=Augment(crop), batch_size=6,
                validation=Scenes(5, size=(40, 48)), validate_every=1, average=0.5)
train_recipe(recipe, sys.argv[1], device="cpu")
count = engine.start("cpu", False).num_processes
Path(sys.argv[1], f"processes_{count}").touch()
"""


@pytest.mark.parametrize(
    ("views", "starts"),
    [("crops", {2: launch_by_torchrun}), ("whole", {2: launch, 3: launch})],
    ids=["crops", "whole images"],
)
def test_several_processes_give_the_weights_of_one(tmp_path, monkeypatch, views, starts):
    """Crops of one size, and whole images of six sizes with a solver: weights and losses to 1e-5."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    monkeypatch.setattr("sys.argv", [str(program), str(tmp_path / "1"), views])
    runpy.run_path(str(program), run_name="__main__")
    one = load_file(tmp_path / "1" / "last.safetensors")
    lines = [json.loads(line) for line in (tmp_path / "1" / "metrics.jsonl").read_text().splitlines()]
    for processes, start in starts.items():
        out = tmp_path / str(processes)
        start(processes, program, out, views)
        assert (out / f"processes_{processes}").exists(), "not as many processes were started as were asked for"
        several = load_file(out / "last.safetensors")
        for name in one:
            torch.testing.assert_close(several[name], one[name], atol=1e-5, rtol=1e-4)
        metrics = (out / "metrics.jsonl").read_text().splitlines()
        for line, other in zip(lines, map(json.loads, metrics), strict=True):
            assert other["loss"] == pytest.approx(line["loss"], abs=1e-5)
            assert other["mean_iou"] == pytest.approx(line["mean_iou"], abs=1e-3)


def _views():
    scenes = [Scenes(1, seed=seed, size=size)[0] for seed, size in enumerate([(40, 56), (44, 61), (40, 56), (33, 20)])]
    return [view(scene, whole(), scene.valid.shape) for scene in scenes]


def _loss_and_gradient(network, step):
    objective = Fit(SeedsOnly())
    network.zero_grad()
    loss = mean_loss(objective, EachSize(network)([batch.image for batch in step]), step)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in network.parameters()])


def test_an_image_costs_the_same_alone_and_beside_others():
    """Loss and gradient of a step are the means of what its images give alone, whatever their sizes."""
    torch.manual_seed(0)
    network = UNet(8, 2).build(3, 6)
    alone = [_loss_and_gradient(network, (each,)) for each in _views()]

    loss, gradient = _loss_and_gradient(network, of_one_size(_views()))

    assert loss == pytest.approx(sum(each for each, _ in alone) / len(alone), abs=1e-5)
    torch.testing.assert_close(gradient, torch.stack([g for _, g in alone]).mean(0), atol=1e-5, rtol=1e-4)


def test_views_of_one_size_are_seen_together():
    """Nothing is padded and nothing is lost; images of one size share a batch."""
    step = of_one_size(_views())
    assert [tuple(batch.image.shape) for batch in step] == [(2, 3, 40, 56), (1, 3, 44, 61), (1, 3, 33, 20)]
    assert all(batch.weak.valid.all() for batch in step)


def test_networks_with_batch_statistics_see_their_images_together():
    """Statistics of single images would be noise; frozen ones, and those of groups, are no statistics of a batch."""
    assert collate_for(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval())(_views())[0].image.shape[0] == 4
    assert collate_for(UNet(8, 1).build(3, 2)) is of_one_size
    assert collate(_views()).image.shape == (4, 3, 44, 61)
