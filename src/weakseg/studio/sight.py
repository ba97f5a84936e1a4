"""What is seen of an image: its pixels and the newest network's prediction, on the working grid."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from weakseg.errors import WeaksegError
from weakseg.runs.names import LAST
from weakseg.runs.run import open_run
from weakseg.studio.project import Project
from weakseg.studio.stage_a import reduced, working_size

Predict = Callable[[Float[np.ndarray, "M H W"]], Float[np.ndarray, "C H W"]]

_HELD = 8
"""Images that are kept."""


@dataclass(frozen=True)
class Seen:
    """An image on the working grid."""

    pixels: Float[np.ndarray, "M h w"]
    probs: Float[np.ndarray, "C h w"] | None
    """The network's prediction, where there is a network."""


class Sight:
    """Images as a network sees them; the newest checkpoint of a training replaces the one before."""

    def __init__(
        self, project: Project, predict: Predict | None = None, newest: Callable[[], Path | None] = lambda: None
    ):
        self._project, self._newest = project, newest
        self._predict, self._stamp = predict, "given" if predict else ""
        self._loading = threading.Lock()
        self._seen: dict[int, tuple[str, Seen]] = {}
        self.problem = ""
        """Why the newest network is not used."""

    def stamp(self) -> str:
        """Which network counts now; empty where there is none."""
        run = self._newest()
        try:
            wanted = self._stamp if run is None else f"{run.name}-{(run / LAST).stat().st_mtime_ns}"
        except OSError:
            return self._stamp
        if wanted != self._stamp:
            with self._loading:
                if wanted != self._stamp and run is not None:
                    self._load(run, wanted)
        return self._stamp

    def see(self, image: int) -> Seen:
        """An image with the newest prediction."""
        stamp, predict = self.stamp(), self._predict
        held = self._seen.get(image)
        if held is not None and held[0] == stamp:
            return held[1]
        whole = self._project.pixels(image)
        size = working_size(whole.shape[1], whole.shape[2])
        probs = None if predict is None else reduced(predict(whole), size)
        pixels = reduced(whole, size).clip(0, 1) if held is None else held[1].pixels
        seen = Seen(pixels, probs)
        while len(self._seen) >= _HELD:
            self._seen.pop(next(iter(self._seen)), None)
        self._seen[image] = stamp, seen
        return seen

    def _load(self, run: Path, stamp: str) -> None:
        """Take a checkpoint; one that does not fit is told of, and asked for no more."""
        self.problem = ""
        try:
            opened = open_run(run)
            if opened.classes.names != self._project.classes.names:
                self.problem = "the network was trained with other classes: train again"
                self._predict = None
            else:
                self._predict = opened.predictor(which="last")
        except WeaksegError as error:
            self.problem = str(error)
        self._stamp = stamp
