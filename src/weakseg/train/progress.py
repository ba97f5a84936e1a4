"""What a person sees while a network trains: one bar with loss, learning rate and the time that is left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from weakseg.losses.solve_log import Solve, contradictions, most_slack

_NAMES = {"solve_slack": "slack", "mean_iou": "mIoU", "mean_dice": "mean Dice", "pixel_accuracy": "accuracy"}
TOLD = 5
"""How many images are named at once."""
NEAR_ZERO, POOR = 0.02, 0.5
"""A loss below the one, beside a validation mIoU below the other, is a training that has learnt its marks only."""
SLACK = 0.1
"""In nats per pixel, from which on an image is named: at a price of 2, a twentieth of the image is missing."""


@dataclass(frozen=True)
class Display:
    """A progress bar on a terminal; one line per epoch where there is none."""

    console: Console
    bar: Progress
    task: TaskID
    contradictory: set[str] = field(default_factory=set)
    """Keys of the images that were told of."""
    doubts: set[str] = field(default_factory=set)
    """What was said about the validations: each thing once."""
    alone: list[str | None] = field(default_factory=list)
    """Of each validation so far the only class that was predicted, if it was only one."""

    def step(self, loss: float, learning_rate: float) -> None:
        """One training step is done."""
        self.bar.update(self.task, advance=1, loss=f"loss {loss:.4f}", rate=f"lr {learning_rate:.1e}")

    @contextmanager
    def sweep(self, images: int) -> Iterator[Callable[[], None]]:
        """A second bar while hidden segmentations are found; what it gives is to be called after each image."""
        task = self.bar.add_task("solving", total=images, loss="", rate="")
        yield lambda: self.bar.update(task, advance=1)
        self.bar.remove_task(task)

    def swept(self, solver: str, line: dict[str, Any]) -> None:
        """All hidden segmentations are found, by a solver of that name."""
        names = {"mean_iou": "mIoU", **{name: name for name in ("confidence", "energy", "bound", "gap", "slack")}}
        told = {name: line.get(f"targets_{key}") for key, name in names.items()}
        numbers = "".join(f"  {name} {_figure(value)}" for name, value in told.items() if value is not None)
        there = line["targets_there"]
        some = f"  ({there} more were there already)" if there else ""
        by = f"hidden segmentations by {solver}"
        self.console.print(f"{by}{numbers}{some}  {line['targets_seconds']:.0f} s", highlight=False, markup=False)

    def contradictions(self, solves: list[Solve]) -> None:
        """Images whose demands contradict each other are named, each of them once, a few an epoch."""
        found = {key: text for key, text in contradictions(solves).items() if key not in self.contradictory}
        told = dict(islice(found.items(), TOLD))
        for key, sentence in told.items():
            self.console.print(Text(f"{key}: {sentence}"))
        if len(found) > TOLD:
            self.console.print(Text(f"demands on {len(found) - TOLD} more images contradict each other"))
        self.contradictory.update(told)

    def gave_way(self, solves: list[Solve]) -> None:
        """At the end, the images whose rows gave way most: their labels may be wrong."""
        if worst := most_slack(solves, SLACK, TOLD):
            self.console.print("Rows gave way most on these images; perhaps their labels are wrong:")
        for key, sentence in worst.items():
            self.console.print(Text(f"  {key}: {sentence}"))

    def epoch(self, line: dict[str, Any], epochs: int) -> None:
        """One epoch is done, and perhaps validated."""
        scores = "".join(f"  {name} {line[key]:.3f}" for key, name in _NAMES.items() if line.get(key) is not None)
        self.console.print(
            f"epoch {line['epoch'] + 1:>3}/{epochs}  loss {line['loss']:.4f}{scores}  {line['seconds']:.0f} s",
            highlight=False,
        )
        if line.get("mean_iou") is not None:
            self._doubt(line, last=line["epoch"] + 1 == epochs)

    def _doubt(self, line: dict[str, Any], last: bool) -> None:
        """Says, once, that a validation looks as if the network had learnt nothing, or only its few marks."""
        self.alone.append(line.get("predicted_alone"))
        name = self.alone[-1]
        # At the first validation it is usual.
        if name is not None and (last or self.alone[-2:] == [name, name]):
            said = f"the network predicts '{name}' everywhere on the validation images: it tells no classes apart"
            self._say_once("alone", f"{said}; `weakseg check` may say why, and a few more marks of the others help")
        if line["loss"] < NEAR_ZERO and line["mean_iou"] < POOR:
            said = (
                f"the loss is near 0 beside a validation mIoU of {line['mean_iou']:.3f}: the training labels are learnt"
            )
            self._say_once("near zero", f"{said} by heart and tell too little; mark other places and more images")

    def _say_once(self, what: str, sentence: str) -> None:
        if what not in self.doubts:
            self.console.print(Text(sentence))
        self.doubts.add(what)


def _figure(value: float) -> str:
    """Three decimals; of a gap that is smaller, how small."""
    return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.0e}"


@contextmanager
def display(console: Console, steps: int, done: int) -> Iterator[Display]:
    """A bar over all steps of a training, `done` of which were taken before."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Display(console, bar, bar.add_task("training", total=steps, completed=done, loss="", rate=""))
