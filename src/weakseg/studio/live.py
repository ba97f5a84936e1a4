"""Stage A in a thread: the newest labels are solved, older ones are obsolete."""

import threading
import time
from dataclasses import dataclass

from weakseg.errors import WeaksegError
from weakseg.studio.project import Project
from weakseg.studio.sight import Sight
from weakseg.studio.stage_a import Answer, answer

CELLS_PX = (3, 1)
"""Cells of the first answer and of the finer one, in cells of the working grid.

The first costs a thirteenth of the other's time. Labels of either are no help to the next one as a start.
"""


@dataclass(frozen=True)
class Found:
    """An answer for one revision of an image."""

    image: int
    revision: int
    fine: bool
    """Whether no finer answer follows."""
    answer: Answer
    milliseconds: int


class Live:
    """The thread that solves, and its last answer."""

    def __init__(self, project: Project, sight: Sight):
        self._project, self._sight = project, sight
        self._changed = threading.Condition()
        self._wanted: tuple[int, int, str] | None = None
        self._solving = False
        self._found: Found | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="stage A", daemon=True)
        self._thread.start()

    def ask(self, image: int, revision: int) -> None:
        """Solve for a revision, with the newest network; whatever is older is obsolete."""
        wanted = image, revision, self._sight.stamp()
        with self._changed:
            if self._wanted != wanted:
                self._wanted = wanted
                self._found = None
                self._changed.notify_all()

    def found(self, image: int, revision: int, fine: bool) -> Found | None:
        """The answer for a revision, if it is there.

        Args:
            image: the image's number.
            revision: its revision.
            fine: whether only the finer answer will do.
        """
        with self._changed:
            found = self._found
        if found is None or (found.image, found.revision) != (image, revision):
            return None
        return found if found.fine or not fine else None

    def obsolete(self, image: int, revision: int) -> bool:
        """Whether other labels are asked for now."""
        with self._changed:
            return self._wanted is None or self._wanted[:2] != (image, revision)

    def busy(self) -> bool:
        """Whether something is being solved."""
        with self._changed:
            return self._solving

    def end(self) -> None:
        """Let the thread finish."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        done = None
        while (wanted := self._next(done)) is not None:
            done = wanted
            image, revision, _ = wanted
            for cell_px in CELLS_PX:
                started = time.perf_counter()
                solved = self._solved(image, revision, cell_px)
                spent = round(1000 * (time.perf_counter() - started))
                last = cell_px == CELLS_PX[-1] or solved.labels is None
                with self._changed:
                    current = self._wanted == wanted and not self._ended
                    if current:
                        self._found = Found(image, revision, last, solved, spent)
                if last or not current:
                    break

    def _next(self, done: tuple[int, int, str] | None) -> tuple[int, int, str] | None:
        """What is asked for next; `None` at the end."""
        with self._changed:
            self._solving = False
            self._changed.wait_for(lambda: self._ended or self._wanted not in (None, done))
            self._solving = True
            return None if self._ended else self._wanted

    def _solved(self, image: int, revision: int, cell_px: int) -> Answer:
        """The answer; an error is its status, because a thread has no other way to tell."""
        try:
            now, layers = self._project.state(image)
            if now != revision:
                return Answer(None, 0.0, 0.0, "obsolete")
            seen = self._sight.see(image)
            return answer(seen.pixels, layers, self._project.classes, seen.probs, cell_px)
        except WeaksegError as error:
            return Answer(None, 0.0, 0.0, str(error))
        except Exception as error:  # a bug must not end the thread, which answers later strokes too
            return Answer(None, 0.0, 0.0, f"stage A failed: {error!r}")
