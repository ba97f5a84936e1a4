"""Console output while a network trains.

One bar shows loss, learning rate and the remaining time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from weakseg.losses.solve_log import Solve, contradictions, most_slack

_NAMES = {"solve_slack": "slack", "mean_iou": "mIoU", "mean_dice": "mean Dice", "pixel_accuracy": "accuracy"}
MOST_NAMED = 5
"""Largest number of images named at once."""
NEAR_ZERO, POOR = 0.02, 0.5
"""Limits of loss and validation mIoU: a loss below the first with an mIoU below the second means that only the labelled
pixels were learnt."""
SLACK = 0.1
"""Violation in nats per pixel from which on an image is named: at a price of 2, a twentieth of the image is missing."""


@dataclass(frozen=True)
class Display:
    """The progress of a training on the console.

    It is a bar on a terminal, and one line per epoch elsewhere.
    """

    console: Console
    bar: Progress
    task: TaskID
    contradictory: set[str] = field(default_factory=set)
    """Keys of the images whose contradictions were reported."""
    doubts: set[str] = field(default_factory=set)
    """Warnings about validations that were printed, so that each is printed once."""
    alone: list[str | None] = field(default_factory=list)
    """For each validation so far the class that was predicted everywhere; `None` where there were several."""

    def step(self, loss: float, learning_rate: float) -> None:
        """Advance the bar by one training step."""
        self.bar.update(self.task, advance=1, loss=f"loss {loss:.4f}", rate=f"lr {learning_rate:.1e}")

    @contextmanager
    def sweep(self, images: int) -> Iterator[Callable[[], None]]:
        """A second bar while targets are updated.

        It yields a function to call after each image.
        """
        task = self.bar.add_task("solving", total=images, loss="", rate="")
        yield lambda: self.bar.update(task, advance=1)
        self.bar.remove_task(task)

    def swept(self, solver: str, line: dict[str, Any]) -> None:
        """Print the numbers of an update of the targets."""
        names = {"mean_iou": "mIoU", **{name: name for name in ("confidence", "energy", "bound", "gap", "slack")}}
        values = {name: line.get(f"targets_{key}") for key, name in names.items()}
        numbers = "".join(f"  {name} {_figure(value)}" for name, value in values.items() if value is not None)
        there = line["targets_there"]
        some = f"  ({there} more reused)" if there else ""
        by = f"targets updated by {solver}"
        self.console.print(f"{by}{numbers}{some}  {line['targets_seconds']:.0f} s", highlight=False, markup=False)

    def contradictions(self, solves: list[Solve]) -> None:
        """Name images whose constraints contradict each other.

        Each is named once, and a few per epoch.
        """
        found = {key: text for key, text in contradictions(solves).items() if key not in self.contradictory}
        # Only those that were named count as reported, so that the next epoch names others.
        named = dict(islice(found.items(), MOST_NAMED))
        for key, sentence in named.items():
            self.console.print(Text(f"{key}: {sentence}"))
        if len(found) > MOST_NAMED:
            self.console.print(Text(f"constraints contradict each other on {len(found) - MOST_NAMED} more images"))
        self.contradictory.update(named)

    def violated(self, solves: list[Solve]) -> None:
        """Name the images with the largest violations.

        Their labels may be wrong.
        """
        if worst := most_slack(solves, SLACK, MOST_NAMED):
            self.console.print("Constraints were violated most on these images; check their labels:")
        for key, sentence in worst.items():
            self.console.print(Text(f"  {key}: {sentence}"))

    def epoch(self, line: dict[str, Any], epochs: int) -> None:
        """Print an epoch's numbers, and warnings about its validation."""
        scores = "".join(f"  {name} {line[key]:.3f}" for key, name in _NAMES.items() if line.get(key) is not None)
        self.console.print(
            f"epoch {line['epoch'] + 1:>3}/{epochs}  loss {line['loss']:.4f}{scores}  {line['seconds']:.0f} s",
            highlight=False,
        )
        if line.get("mean_iou") is not None:
            self._doubt(line, last=line["epoch"] + 1 == epochs)

    def _doubt(self, line: dict[str, Any], last: bool) -> None:
        """Warn of validations that show that nothing was learnt.

        Either one class is predicted everywhere, or only the labelled pixels were learnt. Each warning is printed once.
        """
        self.alone.append(line.get("predicted_alone"))
        name = self.alone[-1]
        # One class everywhere is usual at the first validation, so that two in a row are needed.
        if name is not None and (last or self.alone[-2:] == [name, name]):
            found = f"the network predicts '{name}' everywhere on the validation images"
            self._warn_once("alone", f"{found}: run `weakseg check`, and label more pixels of the other classes")
        if line["loss"] < NEAR_ZERO and line["mean_iou"] < POOR:
            found = f"the training loss is near 0, but the validation mIoU is {line['mean_iou']:.3f}"
            self._warn_once(
                "near zero", f"{found}: the network overfits its labels; label other places and more images"
            )

    def _warn_once(self, what: str, sentence: str) -> None:
        if what not in self.doubts:
            self.console.print(Text(sentence))
        self.doubts.add(what)


def _figure(value: float) -> str:
    """A number with three decimals, or its magnitude.

    A gap that is smaller is shown with one digit and its exponent.
    """
    return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.0e}"


@contextmanager
def display(console: Console, steps: int, done: int) -> Iterator[Display]:
    """A bar over all steps of a training.

    `done` of them were taken before.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    # Gone at the end, so that the lines of the epochs alone stay in a log.
    with Progress(*columns, console=console, transient=True) as bar:
        yield Display(console, bar, bar.add_task("training", total=steps, completed=done, loss="", rate=""))


def tensorboard(path: Path) -> Callable[[dict[str, Any]], None]:
    """A function that writes an epoch's numbers for TensorBoard.

    The event file lies in `path`. Without TensorBoard it does nothing.

    The file is opened at the first epoch, so that a run without training leaves none.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return lambda line: None

    @cache
    def writer():
        return SummaryWriter(str(path))

    def write(line: dict[str, Any]) -> None:
        for name, value in line.items():
            if isinstance(value, float):
                writer().add_scalar(name, value, line["epoch"])
        writer().flush()

    return write
