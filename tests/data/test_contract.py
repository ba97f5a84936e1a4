"""The contract of data sets meets every published one, and sees what breaks it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from dataset_contract import check_dataset
from images import Squares
from jaxtyping import TypeCheckError
from published import published

from weakseg import Folder
from weakseg.data.sample import Stroke
from weakseg.datasets import Fold, FromArrays, Scenes, SomeMasks
from weakseg.errors import EvidenceInvalid
from weakseg.simulate import Boxes, Clicks, IntervalSizes, OneBitSizes, Scribbles, Simulated, Tags

SCENES = Scenes(4, size=(24, 32))
ARRAYS = np.random.default_rng(0)

SETS = [
    SCENES,
    Fold(SCENES, held_out=True, of=2),
    Simulated(SCENES, (Scribbles(), Clicks(), Tags(), Boxes(), IntervalSizes())),
    Simulated(SCENES, (Scribbles(), OneBitSizes())),
    SomeMasks(Simulated(SCENES, (Tags(),)), per_class=1),
    FromArrays(
        [ARRAYS.random((3, 6, 8), np.float32) for _ in range(3)],
        SCENES.classes,
        masks=[ARRAYS.integers(-1, len(SCENES.classes), (6, 8)) for _ in range(3)],
    ),
    Squares(3),
]


@pytest.mark.parametrize("samples", SETS, ids=lambda samples: type(samples).__name__)
def test_it_keeps_the_contract(samples):
    """Those that need no file."""
    check_dataset(samples)


def test_a_data_folder_keeps_the_contract(sound_farm):
    """Images, masks, scribbles and tables."""
    check_dataset(Folder(str(sound_farm), split="all"))


def test_every_published_data_set_is_checked():
    """Here, or where the files that it reads are made: by a call of `check_dataset`."""
    calls = [path.read_text() for path in Path(__file__).parent.rglob("test_*.py")]
    text = "\n".join(line for each in calls for line in each.splitlines() if "check_dataset(" in line)
    names = {type(samples).__name__ for samples in SETS}
    unchecked = [kind.__name__ for kind in published("classes", "keys") if kind.__name__ not in names]
    assert [name for name in unchecked if f"({name}(" not in text] == []


STROKE = Stroke(2, np.zeros((1, 2)), 3.0)

CHANGES = {
    "nothing": {},
    "seeds on void": {"valid": lambda sample: sample.seeds == 0, "tags": lambda sample: np.array([1, 0])},
    "another key": {"key": lambda sample: "another"},
    "0 to 255": {"image": lambda sample: sample.image * 255},
    "another size": {"image": lambda sample: sample.image[:, 1:]},
    "void as a seed": {"seeds": lambda sample: np.where(sample.seeds == 0, 255, sample.seeds)},
    "void in a mask": {"truth": lambda sample: np.where(sample.seeds == 0, 255, sample.seeds)},
    "drawn and absent": {"tags": lambda sample: np.array([1, 0])},
    "least above most": {"areas": lambda sample: np.array([[0.5, 0.2], [0.0, 1.0]])},
    "a box of no class": {"boxes": lambda sample: np.array([[2.0, 0, 0, 4, 4]])},
    "a stroke of no class": {"strokes": lambda sample: (STROKE,)},
    "chance": {"areas": lambda sample: np.array([[0.0, np.random.default_rng().random()], [0.0, 1.0]])},
}
"""What is other in a data set: by name, so that it travels to another process as a data set does."""


@dataclass(frozen=True)
class Changed(Squares):
    """Squares of which one thing is other."""

    change: str = ""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return replace(sample, **{name: make(sample) for name, make in CHANGES[self.change].items()})


@pytest.mark.parametrize("change", [*CHANGES][:2])
def test_the_contract_forbids_no_more(change):
    """A view drops seeds on void, so they contradict nothing."""
    check_dataset(Changed(3, change=change))


@pytest.mark.parametrize("change", [*CHANGES][2:])
def test_the_contract_sees_mistakes_of_readers(change):
    """By its own statements, or by those of a batch."""
    with pytest.raises((AssertionError, EvidenceInvalid, TypeCheckError)):
        check_dataset(Changed(3, change=change))
