"""Hidden segmentations of whole images, and of whole volumes: each slice gets its part of one solve."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from images import Squares, Tiny, tiny_recipe

from weakseg import AcrossSlices, Fit, Hardened, JointProjection, Phase
from weakseg.appearance import ScribbleDensities
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.train.hidden_segmentation import hidden_segmentations, solved_together
from weakseg.train.loader import Share
from weakseg.train.targets import Targets
from weakseg.train.update_targets import update_targets
from weakseg.types import UNLABELED

VOLUMES = AcrossSlices(JointProjection(appearance=ScribbleDensities(), max_sweeps=20), slice_px=2.0)


@dataclass(frozen=True)
class Scans(Squares):
    """Two scans of three and nine slices, in the order of their names; one slice of each is drawn on."""

    @property
    def keys(self):
        """Sorted as a file system sorts them: slice_10 before slice_8."""
        return tuple(sorted([*(f"a_slice_{i}" for i in range(3)), *(f"b_slice_{i}" for i in range(8, 12))]))

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:
        sample, key = super().__getitem__(index % 4), self.keys[index]
        seeds = sample.seeds if key in ("a_slice_1", "b_slice_10") else np.full_like(sample.seeds, UNLABELED)
        return replace(sample, key=key, volume=key[0], seeds=seeds)


def predictor() -> Predictor:
    """An untrained network."""
    torch.manual_seed(0)
    data = Scans()
    return Predictor(Tiny(0.0).build(1, len(data.classes)), data.classes, channels=1)


def test_slices_of_a_volume_are_together_in_their_order_and_images_are_alone():
    """Whatever the order of names."""
    data = Scans()
    together = [tuple(data.keys[i] for i in group) for group in solved_together(VOLUMES, data)]
    assert together == [
        ("a_slice_0", "a_slice_1", "a_slice_2"),
        ("b_slice_8", "b_slice_9", "b_slice_10", "b_slice_11"),
    ]
    assert solved_together(Hardened(VOLUMES), data) == solved_together(VOLUMES, data)
    assert solved_together(JointProjection(), data) == [(i,) for i in range(len(data))]


def test_every_slice_gets_its_part_of_the_volume(tmp_path):
    """As solved by hand; in whichever of two processes it is, and again where one file is missing."""
    data, network = Scans(), predictor()
    seen = []
    for rank in range(2):
        update_targets(Fit(VOLUMES), network, data, Targets(tmp_path, "mark"), None, Share(rank, 2), seen.append)
    assert sorted(found.solve.key for found in seen) == sorted(data.keys)
    stored = Targets(tmp_path, "mark")
    for indices in solved_together(VOLUMES, data):
        group = [data[i] for i in indices]
        log_probs = np.concatenate([network.log_probs(sample.image[None]) for sample in group])
        expected = hidden_segmentations(VOLUMES, group, log_probs, [None] * len(group))
        gaps = {float(solution.certificate["gap"][0]) for _, solution in expected}
        assert len(gaps) == 1
        for sample, (target, _) in zip(group, expected, strict=True):
            np.testing.assert_array_equal(stored(sample).levels, target.levels)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "b_slice_9.png").unlink()
    again = []
    update_targets(Fit(VOLUMES), network, data, stored, None, Share(), again.append)
    assert sorted(found.solve.key for found in again if found) == ["b_slice_10", "b_slice_11", "b_slice_8", "b_slice_9"]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_slices_of_two_sizes_are_no_volume(tmp_path):
    """The message names them, and what to correct."""

    @dataclass(frozen=True)
    class Mixed(Scans):
        def __getitem__(self, index: int) -> Sample:
            return super().__getitem__(index) if index else replace(Squares(size=30)[0], key=self.keys[0], volume="a")

    with pytest.raises(DataInvalid, match=r"a_slice_0, a_slice_1, a_slice_2 are of one volume and have 2 sizes"):
        update_targets(Fit(VOLUMES), predictor(), Mixed(), tmp_path)


def test_views_of_a_step_are_no_volume():
    """A recipe says so before it trains."""
    with pytest.raises(RecipeInvalid, match=r"phases\[0\].objective solves for whole volumes"):
        tiny_recipe(phases=(Phase(Fit(VOLUMES), epochs=2),))


def test_a_volume_without_some_of_its_slices_is_refused():
    """Its slices would be taken for neighbours that they are not."""

    @dataclass(frozen=True)
    class Gaps(Scans):
        @property
        def keys(self):
            return ("a_slice_0", "a_slice_1", "a_slice_5")

    with pytest.raises(DataInvalid, match=r"3 slices between a_slice_1 and a_slice_5(.|\n)*splits/train.txt"):
        solved_together(VOLUMES, Gaps())
