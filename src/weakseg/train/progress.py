"""What a person sees while a network trains: one bar with loss, learning rate and the time that is left."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_NAMES = {"mean_iou": "mIoU", "mean_dice": "mean Dice", "pixel_accuracy": "accuracy"}


@dataclass(frozen=True)
class Display:
    """A progress bar on a terminal; one line an epoch where there is none."""

    console: Console
    bar: Progress
    task: TaskID

    def step(self, loss: float, learning_rate: float) -> None:
        """One training step is done."""
        self.bar.update(self.task, advance=1, loss=f"loss {loss:.4f}", rate=f"lr {learning_rate:.1e}")

    def epoch(self, line: dict[str, Any], epochs: int) -> None:
        """One epoch is done, and perhaps validated."""
        scores = "".join(f"  {name} {line[key]:.3f}" for key, name in _NAMES.items() if line.get(key) is not None)
        self.console.print(
            f"epoch {line['epoch'] + 1:>3}/{epochs}  loss {line['loss']:.4f}{scores}  {line['seconds']:.0f} s",
            highlight=False,
        )


@contextmanager
def display(console: Console, steps: int, done: int) -> Iterator[Display]:
    """A bar over all steps of a training, `done` of which were taken before."""
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Display(console, bar, bar.add_task("training", total=steps, completed=done, loss="", rate=""))
