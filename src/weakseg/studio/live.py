"""Stage A in two threads: the newest labels are solved, older ones are obsolete."""

import threading
import time
from dataclasses import dataclass

from weakseg.errors import WeaksegError
from weakseg.studio.project import Project
from weakseg.studio.sight import Sight
from weakseg.studio.stage_a import Answer, answer

CELLS_PX = (3, 1)
"""Cells of the first answer and of the finer one, in cells of the working grid.

The first costs a tenth of the other's time. Its labels are no help to the other as a start.
Those of the last finer answer save a third of the next one's time, but what is shown
would depend on what was drawn and undone before.
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
    """The threads that solve, and their last answer.

    A finer answer takes ten times as long as a first one, so that each has its own thread: a newer stroke does not wait
    for what it makes obsolete.
    """

    def __init__(self, project: Project, sight: Sight):
        self._project, self._sight = project, sight
        self._changed = threading.Condition()
        self._wanted: tuple[int, int, str] | None = None
        self._question = 0
        self._solving = 0
        self._found: Found | None = None
        self._ended = False
        self._threads = [
            threading.Thread(target=self._work, args=(cell_px,), name=f"stage A, cells of {cell_px}", daemon=True)
            for cell_px in CELLS_PX
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, image: int, revision: int) -> None:
        """Solve for a revision, with the newest network; whatever is older is obsolete."""
        wanted = image, revision, self._sight.stamp()
        with self._changed:
            if self._wanted != wanted:
                self._wanted = wanted
                self._question += 1
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
            return self._solving > 0

    def end(self) -> None:
        """Let the threads finish."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)

    def _work(self, cell_px: int) -> None:
        done = 0
        while (asked := self._next(done, cell_px)) is not None:
            done, (image, revision, _) = asked
            started = time.perf_counter()
            solved = self._solved(image, revision, cell_px)
            spent = round(1000 * (time.perf_counter() - started))
            last = cell_px == CELLS_PX[-1] or solved.labels is None
            with self._changed:
                self._solving -= 1
                if self._question == done:
                    self._found = Found(image, revision, last, solved, spent)
                    self._changed.notify_all()

    def _next(self, done: int, cell_px: int) -> tuple[int, tuple[int, int, str]] | None:
        """The number of the next question, and what it asks for; `None` at the end."""
        first = cell_px == CELLS_PX[0]

        def due() -> bool:
            # The finer answer begins where the first one ends.
            ready = self._found is None if first else self._found is not None and not self._found.fine
            # The number tells a question from the same one of before, with others in between.
            return self._ended or self._question != done and ready

        with self._changed:
            self._changed.wait_for(due)
            self._solving += 1
            return None if self._ended or self._wanted is None else (self._question, self._wanted)

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
