"""In which order images are drawn on: those of which least is known come first."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from weakseg.appearance.scribble_densities import ScribbleDensities
from weakseg.studio.project import OPEN, Project
from weakseg.studio.sight import Sight
from weakseg.studio.stage_a import answer, seeds_of
from weakseg.types import Batch, Evidence

CELL_PX = 4
"""Cells of stage A here: the order needs no fine boundary."""
_REST = 2.0
"""Rest after each image, in times of its work: drawing and training come first."""
_UNKNOWN = 1.0
"""How unsure an image is of which nothing is known."""


@dataclass(frozen=True)
class Rank:
    """How much there is to correct in one image."""

    revision: int
    stamp: str
    unsure: float
    """Mean entropy of the prediction, 0 to 1; without a network, of the colours and places of what is drawn."""
    differing: float
    """Fraction of the image in which stage A, without the network, differs from the network."""

    @property
    def score(self) -> float:
        """Both together."""
        return self.unsure + self.differing


class Ranking:
    """The thread that looks at one image after another while nothing else is to do."""

    def __init__(self, project: Project, sight: Sight, busy: Callable[[], bool]):
        self._project, self._sight, self._busy = project, sight, busy
        self._ranks: dict[int, Rank] = {}
        self._ended = threading.Event()
        self.version = 0
        """Grows with each image that is ranked."""
        self._thread = threading.Thread(target=self._work, name="ranking", daemon=True)
        self._thread.start()

    def order(self) -> tuple[list[int], dict[int, float]]:
        """All images, those with most to correct first, and the scores that are known."""
        scores = {image: rank.score for image, rank in list(self._ranks.items())}
        states = self._project.states()
        known = any(rank.stamp for rank in self._ranks.values())

        def place(image: int) -> tuple[int, float, int]:
            # Without a network nothing is known of an image that has no marks.
            least = _UNKNOWN if not known and states[image] == "none" else 0.0
            return max(OPEN.index(states[image]), 1), -scores.get(image, least), image

        return sorted(range(len(states)), key=place), scores

    def end(self) -> None:
        """Let the thread finish."""
        self._ended.set()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while not self._ended.wait(0.2):
            image = None if self._busy() else self._stale()
            if image is None:
                continue
            started = time.monotonic()
            rank = self._ranked(image)
            self._ranks[image] = rank
            self.version += 1
            self._ended.wait(_REST * (time.monotonic() - started))

    def _stale(self) -> int | None:
        """An image whose rank is missing or old: those with marks come first."""
        project, stamp = self._project, self._sight.stamp()
        revisions = project.revisions()
        drawn = [image for image, revision in revisions.items() if revision]
        # Without a network there is nothing to find out about images without marks.
        others = range(len(project.keys)) if stamp else ()
        for image in (*drawn, *others):
            rank = self._ranks.get(image)
            if rank is None or (rank.revision, rank.stamp) != (revisions.get(image, 0), stamp):
                return image
        return None

    def _ranked(self, image: int) -> Rank:
        stamp, revision = self._sight.stamp(), 0
        try:
            revision, layers = self._project.state(image)
            seen, classes = self._sight.see(image), self._project.classes
            size = (seen.pixels.shape[1], seen.pixels.shape[2])
            if seen.probs is None:
                return Rank(revision, stamp, _doubt(seen.pixels, seeds_of(layers, size), len(classes)), 0.0)
            alone = answer(seen.pixels, layers, classes, None, CELL_PX).labels
            differing = 0.0 if alone is None else float((alone != seen.probs.argmax(0)).mean())
            return Rank(revision, stamp, entropy(seen.probs), differing)
        except Exception:  # an image that cannot be looked at must not end the thread; opening it says why
            return Rank(revision, stamp, _UNKNOWN, 0.0)


def entropy(probs: np.ndarray) -> float:
    """The mean entropy of probabilities, as a fraction of the largest."""
    each = -(probs * np.log(probs.clip(1e-12))).sum(0)
    return float(each.mean() / np.log(max(len(probs), 2)))


def _doubt(pixels: np.ndarray, seeds: np.ndarray, classes: int) -> float:
    """How unsure colours and places of what is drawn are."""
    batch = Batch.of(pixels[None], classes, seeds=seeds[None])
    nothing = torch.zeros(1, classes, *seeds.shape)
    costs = ScribbleDensities()(Evidence(batch.image, nothing, batch.weak), seeds.shape)[0].numpy()
    drawn = np.unique(seeds[seeds >= 0])
    if len(drawn) < 2:
        return _UNKNOWN
    probs = np.exp(-costs[drawn])
    return entropy(probs / probs.sum(0))
