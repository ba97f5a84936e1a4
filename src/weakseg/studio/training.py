"""Trainings of what is saved, each the ordinary `weakseg train` in a child process.

Runs are studio/runs/1, 2 ...; none is ever written over. A child ends with the studio, however that ends.
"""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weakseg.errors import WeaksegError, WriteRefused
from weakseg.files.regular_file import read_bytes
from weakseg.files.whole_file import write_whole
from weakseg.runs.metrics import read_metrics
from weakseg.runs.names import LAST
from weakseg.runs.run import open_run
from weakseg.studio.labels.refusals import Conflict, Refused, TooMuch

MOST_EPOCHS = 10_000
"""Longest training that the page starts."""
NETWORKS = {"small": "unet", "pretrained": None}
"""What `--network` says for each network of the page."""
_PATIENCE_S = 25


@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    state: str
    """none, running, stopped, finished or failed."""
    run: str = ""
    """The run folder."""
    epochs: int = 0
    """All epochs of the run; 0 where they are not known yet."""
    losses: tuple[float, ...] = ()
    """Loss of each epoch."""
    scores: tuple[tuple[int, float], ...] = ()
    """Mean IoU of the epochs that were validated."""
    seconds_left: float | None = None
    message: str = ""
    """Why it failed."""


@dataclass(frozen=True)
class Score:
    """What a run reached, on how many marks."""

    run: str
    marks: int
    """Marks that were drawn when it started or was resumed."""
    score: float
    """The last mean IoU."""


class Training:
    """The newest training of a folder.

    Args:
        data: the data folder.
        marks: counts the marks drawn so far.
    """

    def __init__(self, data: Path, marks: Callable[[], int] = lambda: 0):
        self._data, self._runs, self._marks = data, data / "studio" / "runs", marks
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._stop()
        self._stopped = False
        self._epochs: dict[Path, int] = {}
        self._scored: dict[Path, tuple[int, Score | None]] = {}

    @property
    def newest(self) -> Path | None:
        """The folder of the newest run."""
        numbers = [int(each.name) for each in self._runs.glob("*") if each.name.isdecimal() and each.is_dir()]
        return self._runs / str(max(numbers)) if numbers else None

    def checkpoint(self) -> Path | None:
        """The newest run, once it has a network."""
        run = self.newest
        return run if run is not None and (run / LAST).is_file() else None

    def start(self, network: Any, epochs: Any) -> None:
        """Begin a new run.

        Args:
            network: a name of `NETWORKS`.
            epochs: how many; `None` lets `weakseg train` choose.

        Raises:
            Refused: there is no such network, or no such number of epochs.
            Conflict: a training is running.
        """
        settings = _settings(network, epochs)
        with self._lock:
            self._refuse_second()
            run = self._runs / str(int(self.newest.name) + 1 if self.newest else 1)
            try:
                run.mkdir(parents=True)
                self._wish(run, network, epochs)
            except OSError as error:
                raise WriteRefused(f"{run} cannot be made: {error.strerror}", fix="free some space") from error
            self._spawn(run, settings)

    def resume(self) -> None:
        """Go on with the newest run, on what is saved now.

        Raises:
            Conflict: a training is running, or there is nothing to go on with.
        """
        with self._lock:
            self._refuse_second()
            run = self.checkpoint()
            if run is None:
                raise Conflict("no run has a checkpoint yet", fix="start a training")
            # The same command again: recipe.py of a folder that others made is not executed.
            try:
                wish = json.loads(read_bytes(_wish_of(run)))
                settings = _settings(wish.get("network"), wish.get("epochs"))
            except (OSError, ValueError, AttributeError, WeaksegError):
                raise Conflict(f"{_wish_of(run)} is damaged", fix="start a new training") from None
            try:
                self._wish(run, wish.get("network"), wish.get("epochs"))
            except OSError as error:
                raise WriteRefused(
                    f"{_wish_of(run)} cannot be written: {error.strerror}", fix="free some space"
                ) from error
            self._spawn(run, [*settings, "--resume", "--accept-changes"])

    def stop(self) -> None:
        """End the child; the last epoch that it finished is kept."""
        with self._lock:
            self._stop()

    def progress(self) -> Progress:
        """How far the newest run is."""
        run = self.newest
        if run is None:
            return Progress("none")
        child = self._child
        running = child is not None and child.poll() is None
        try:
            lines = read_metrics(run)
        except WeaksegError as error:
            return Progress("failed", run.name, message=str(error))
        epochs, losses = self._all_epochs(run), tuple(float(line["loss"]) for line in lines if "loss" in line)
        scores = tuple((number, float(line["mIoU"])) for number, line in enumerate(lines) if "mIoU" in line)
        seconds = [float(line.get("seconds", 0)) for line in lines[-5:]]
        left = max(epochs - len(lines), 0) * statistics.median(seconds) if running and seconds and epochs else None
        state, message = "running" if running else "stopped", ""
        if not running and child is not None and child.returncode and not self._stopped:
            state, message = "failed", _last_message(_log_of(run))
        elif not running and child is not None and child.returncode == 0 or epochs and len(lines) >= epochs:
            state = "running" if running else "finished"
        return Progress(state, run.name, epochs, losses, scores, left, message)

    def scores(self) -> list[Score]:
        """The last score of each run that has one, oldest first."""
        found = []
        for run in sorted(
            (each for each in self._runs.glob("*") if each.name.isdecimal()), key=lambda at: int(at.name)
        ):
            try:
                changed = (run / "metrics.jsonl").stat().st_mtime_ns
                if self._scored.get(run, (0, None))[0] != changed:
                    reached = [float(line["mIoU"]) for line in read_metrics(run) if "mIoU" in line]
                    marks = int(json.loads(read_bytes(_wish_of(run))).get("marks", 0))
                    self._scored[run] = changed, Score(run.name, marks, reached[-1]) if reached else None
            except (OSError, ValueError, AttributeError, TypeError, WeaksegError):
                continue  # a run without metrics, or a damaged one: the panel says so of the newest
            score = self._scored[run][1]
            found += [score] if score else []
        return found

    def end(self) -> None:
        """The child ends with the studio."""
        self.stop()

    def _wish(self, run: Path, network: str, epochs: int | None) -> None:
        wanted = json.dumps({"network": network, "epochs": epochs, "marks": self._marks()})
        write_whole(_wish_of(run), lambda part: part.write_text(wanted, encoding="utf-8"))

    def _refuse_second(self) -> None:
        if self._child is not None and self._child.poll() is None:
            raise Conflict("a training is running", fix="stop it first")

    def _spawn(self, run: Path, more: list[str]) -> None:
        command = [sys.executable, "-m", "weakseg.studio.child", "train", str(self._data.resolve()), "--out", str(run)]
        self._stop()
        self._stopped = False
        self._epochs.pop(run, None)
        with open(_log_of(run), "ab") as log:
            self._child = subprocess.Popen(
                [*command, *more], stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=self._runs
            )

    def _stop(self) -> None:
        child = self._child
        if child is None:
            return
        assert child.stdin is not None
        self._stopped = self._stopped or child.poll() is None
        child.stdin.close()
        until = time.monotonic() + _PATIENCE_S
        while child.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        if child.poll() is None:
            child.kill()
            child.wait()

    def _all_epochs(self, run: Path) -> int:
        if run not in self._epochs:
            try:
                self._epochs[run] = open_run(run).recipe.epochs
            except (WeaksegError, AttributeError):
                return 0
        return self._epochs[run]


def _settings(network: Any, epochs: Any) -> list[str]:
    """The options of a training."""
    if not isinstance(network, str) or network not in NETWORKS:
        raise Refused("no such network", expected=", ".join(NETWORKS))
    if epochs is not None and (type(epochs) is not int or epochs < 1):
        raise Refused("the number of epochs is no whole number from 1")
    if epochs is not None and epochs > MOST_EPOCHS:
        raise TooMuch("too many epochs", expected=f"at most {MOST_EPOCHS:,}")
    name = NETWORKS[network]
    return [*(["--network", name] if name else []), *(["--epochs", str(epochs)] if epochs else [])]


def _wish_of(run: Path) -> Path:
    return run.with_name(f"{run.name}.json")


def _log_of(run: Path) -> Path:
    return run.with_name(f"{run.name}.log")


def _last_message(log: Path) -> str:
    """What a training said at its end."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    begin = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].startswith("weakseg: ")), len(lines) - 3)
    return "\n".join(lines[max(begin, 0) :])[:2000].removeprefix("weakseg: ")
