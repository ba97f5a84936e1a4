"""Generated images with known masks.

Patterned things overlap on an uneven ground strewn with clutter. A thing is recognised by its outline and its pattern;
its colour is only a hint. Its rim is worn (dim and without pattern), and clutter has the same patterns without being a
thing, so labels in the middle of things show neither: a network needs masks, or further labels, to get them right.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from weakseg.data.relabel import fully_labelled
from weakseg.data.sample import Sample
from weakseg.types import Classes

Field = Float[np.ndarray, "H W"]


@dataclass(frozen=True)
class Thing:
    """A class of things, in its own coordinates.

    u points right and v down; the outline lies within about [-1, 1].
    """

    name: str
    colour: tuple[float, float, float]
    outline: Callable[[Field, Field], Field]
    """Signed distance inside the outline; negative outside."""
    pattern: Callable[[Field, Field], Field]
    """Mixture of the two shades at a place, in [0, 1]."""


def _ball(u, v):
    return 1 - np.hypot(u, v)


def _leaf(u, v):
    return 1.25 - np.hypot(u, np.abs(v) + 0.75)


def _star(u, v):
    return 0.72 + 0.28 * np.cos(5 * np.arctan2(u, -v)) - np.hypot(u, v)


def _brick(u, v):
    return np.minimum(1 - np.abs(u), 0.6 - np.abs(v))


def _ring(u, v):
    return 0.3 - np.abs(np.hypot(u, v) - 0.7)


def _wave(phase):
    return 0.5 + 0.5 * np.tanh(3 * np.sin(phase))


def _masonry(u, v):
    row, height = np.divmod(v, 0.4)
    along = (u + 0.35 * (row % 2)) % 0.7
    joint = np.minimum(np.minimum(along, 0.7 - along), np.minimum(height, 0.4 - height))
    return np.clip(1.5 - 12 * joint, 0, 1)


THINGS = (
    Thing("ball", (0.85, 0.3, 0.3), _ball, lambda u, v: _wave(11 * u + 2 * v * v)),
    Thing("leaf", (0.3, 0.6, 0.25), _leaf, lambda u, v: _wave(13 * (u - np.abs(v)))),
    Thing("star", (0.95, 0.75, 0.25), _star, lambda u, v: _wave(16 * u) * _wave(16 * v)),
    Thing("wall", (0.6, 0.4, 0.65), _brick, _masonry),
    Thing("ring", (0.3, 0.5, 0.85), _ring, lambda u, v: _wave(9 * np.arctan2(v, u))),
)

SCRAPS = (_ball, _brick, lambda u, v: np.minimum(1.6 - np.abs(u), 0.35 - np.abs(v)))
"""Outlines of clutter, which is small and belongs to the background."""

GROUNDS = ((0.42, 0.52, 0.28), (0.72, 0.63, 0.45), (0.55, 0.55, 0.53), (0.35, 0.5, 0.58), (0.45, 0.36, 0.28))
"""Colours of the grounds: grass, sand, stone, water, soil."""


@dataclass(frozen=True)
class Scenes:
    """A fully labelled data set of generated scenes.

    An image depends on the seed and its index alone.
    """

    count: int
    """Number of images, 0 or more."""
    seed: int = 0
    """Random seed of the images, 0 or more."""
    size: tuple[int, int] = (96, 128)
    """Size (height, width) in pixels."""
    things: tuple[int, int] = (2, 4)
    """Smallest and largest number of things in an image; some may be covered."""
    clutter: int = 10
    """Number of small patterned pieces that belong to the background."""
    disguise: float = 0.15
    """Fraction of a thing's colour that is random instead of its class's, in [0, 1]."""

    @property
    def classes(self) -> Classes:
        """The background and the kinds of things."""
        return Classes(("background", *(thing.name for thing in THINGS)), background=0)

    @property
    def keys(self) -> tuple[str, ...]:
        """Names that depend on the seed and index alone."""
        return tuple(f"scene{self.seed}_{index:04d}" for index in range(self.count))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        # `range` gives negative indices and IndexError as a list would.
        image, truth = _scene(self, range(self.count)[index])
        return fully_labelled(self.keys[index], image, truth, len(self.classes))


# Every epoch asks for all scenes again; 2048 of the usual size take half a gigabyte.
@lru_cache(maxsize=2048)
def _scene(scenes: Scenes, index: int) -> tuple[Float[np.ndarray, "3 H W"], Int[np.ndarray, "H W"]]:
    """Image and mask, painted from back to front."""
    generator = np.random.default_rng([scenes.seed, index])
    canvas, truth = _ground(scenes.size, generator), np.zeros(scenes.size, np.int64)
    side = min(scenes.size)
    for _ in range(scenes.clutter):
        thing = THINGS[generator.integers(len(THINGS))]
        scrap = replace(thing, outline=SCRAPS[generator.integers(len(SCRAPS))])
        # Clutter has the patterns of things and the label of the background, so that colour alone does not solve the
        # task.
        _paint(canvas, truth, 0, scrap, side * generator.uniform(0.03, 0.09), scenes.disguise, generator)
    for _ in range(generator.integers(scenes.things[0], scenes.things[1] + 1)):
        label = int(generator.integers(len(THINGS)))
        radius = side * generator.uniform(0.2, 0.36)
        _paint(canvas, truth, label + 1, THINGS[label], radius, scenes.disguise, generator)
    return _lit(canvas, generator), truth


def _smooth(size: tuple[int, int], cells: int, generator) -> Field:
    """Smooth noise with about `cells` bumps per side.

    Values lie in [0, 1].
    """
    knots = generator.random((cells + 1, cells + 1))
    for axis, length in enumerate(size):
        at = np.linspace(0, cells, length, endpoint=False)
        fraction = at - np.floor(at)
        fraction = fraction * fraction * (3 - 2 * fraction)
        left = np.take(knots, at.astype(int), axis)
        right = np.take(knots, at.astype(int) + 1, axis)
        knots = left + (right - left) * np.expand_dims(fraction, 1 - axis)
    return knots


def _ground(size: tuple[int, int], generator) -> Float[np.ndarray, "3 H W"]:
    """Two grounds, one smooth and one coarse.

    They meet along a wandering line.
    """
    colours = generator.permutation(GROUNDS)[:2] + generator.uniform(-0.08, 0.08, (2, 3))
    meet = np.clip((_smooth(size, 3, generator) - 0.5) * 8 + 0.5, 0, 1)
    grain = 0.25 * _smooth(size, 9, generator) + 0.35 * _smooth(size, 30, generator) * meet
    return colours[0][:, None, None] * (1 - meet) + colours[1][:, None, None] * meet + grain - 0.2


def _paint(canvas: Float[np.ndarray, "3 H W"], truth, label: int, thing: Thing, radius: float, disguise, generator):
    """Paint one thing with its shadow, and label it."""
    extent = np.array(truth.shape)
    centre = generator.uniform(0.05, 0.95, 2) * extent
    near = np.clip(np.stack([centre - 1.8 * radius, centre + 1.8 * radius + 2]), 0, extent).astype(int)
    at = (slice(*near[:, 0]), slice(*near[:, 1]))
    rows, columns = np.ogrid[at]
    rows, columns = (rows - centre[0]) / radius, (columns - centre[1]) / radius
    angle, stretch = generator.uniform(0, 2 * np.pi), np.exp(generator.uniform(-0.25, 0.25))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * [[stretch], [1 / stretch]]
    u, v = (right * columns + down * rows for right, down in turn)
    aside = turn @ (0.12, 0.12)
    inside, shadow = thing.outline(u, v), thing.outline(u - aside[0], v - aside[1])
    canvas, truth = canvas[:, *at], truth[at]
    canvas *= 1 - 0.45 * np.clip(shadow * 4 + 0.5, 0, 1)
    canvas += np.clip(inside * radius + 0.5, 0, 1) * (_coat(thing, u, v, inside, disguise, generator) - canvas)
    # From the outline and not from the painted edge: half covered pixels have one class.
    truth[inside > 0] = label


def _coat(thing: Thing, u: Field, v: Field, inside: Field, disguise: float, generator) -> Float[np.ndarray, "3 h w"]:
    """A thing's colours: two shades, a worn rim, side light."""
    colour = (1 - disguise) * np.array(thing.colour) + disguise * generator.uniform(0.15, 0.85, 3)
    other = np.clip(colour + generator.choice([-1, 1]) * generator.uniform(0.25, 0.45), 0, 1)
    rim = np.clip(1 - inside * 7, 0, 1)
    shade = thing.pattern(u, v) * (1 - rim)
    mixed = colour[:, None, None] * (1 - shade) + other[:, None, None] * shade
    return mixed * (1 - 0.3 * rim) + 0.1 * (-u - v)


def _lit(canvas: Float[np.ndarray, "3 H W"], generator) -> Float[np.ndarray, "3 H W"]:
    """The scene under uneven light, with camera noise."""
    light = generator.uniform(0.8, 1.1) + 0.35 * (_smooth(canvas.shape[1:], 2, generator) - 0.4)
    tint = generator.uniform(0.92, 1.08, (3, 1, 1))
    grain = generator.normal(0, 0.025, canvas.shape)
    return np.clip(canvas * light * tint + grain, 0, 1).astype(np.float32)
