"""A tiny data set in memory, and a tiny network, for tests of the training loop."""

import copy
from dataclasses import dataclass

import numpy as np
from torch import nn

from weakseg import AdamW, Augment, Classes, Fit, Phase, Recipe, SeedsOnly
from weakseg.data.sample import Sample


@dataclass(frozen=True)
class Squares:
    """Bright squares on a dark ground; everything marked."""

    count: int = 12
    size: int = 24

    @property
    def classes(self) -> Classes:
        """Two."""
        return Classes(("background", "square"), background=0)

    @property
    def keys(self) -> tuple[str, ...]:
        """In order."""
        return tuple(f"squares{i}" for i in range(self.count))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(index)
        generator = np.random.default_rng(index)
        truth = np.zeros((self.size, self.size), dtype=np.int64)
        top, left = generator.integers(0, self.size // 2, 2)
        truth[top : top + 10, left : left + 10] = 1
        image = (0.3 + 0.4 * truth + generator.normal(0, 0.05, truth.shape)).clip(0, 1)[None].astype(np.float32)
        return Sample(
            key=self.keys[index],
            image=image,
            seeds=truth,
            valid=np.ones_like(truth, dtype=bool),
            strokes=(),
            tags=np.array([1, 1]),
            areas=np.tile(np.array([0.0, 1.0]), (2, 1)),
            boxes=np.empty((0, 5)),
            truth=truth,
            volume=self.keys[index],
        )


@dataclass(frozen=True)
class Tiny:
    """A network of two convolutions, with dropout so that randomness is tested too."""

    dropout: float = 0.2

    def build(self, channels: int, classes: int) -> nn.Module:
        """Fresh weights."""
        return nn.Sequential(
            nn.Conv2d(channels, 8, 3, 2, 1),
            nn.GroupNorm(2, 8),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Conv2d(8, classes, 1),
        )

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same."""
        return self.build(channels, classes)


def tiny_recipe(**changes) -> Recipe:
    """Four epochs of three steps."""
    settings = {
        "training": Squares(),
        "validation": Squares(4),
        "network": Tiny(),
        "phases": (Phase(Fit(SeedsOnly()), epochs=4, learning_rate=1e-2),),
        "augment": Augment(crop=(16, 16)),
        "optimizer": AdamW(),
        "batch_size": 4,
        "validate_every": 2,
    }
    return Recipe(**{**settings, **changes})


def checked(recipe: Recipe, name: str, part) -> None:
    """A recipe's own checks with a part of the wrong kind, past the types that tests are checked by."""
    wrong = copy.copy(recipe)
    object.__setattr__(wrong, name, part)
    wrong.__post_init__()
