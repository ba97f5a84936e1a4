"""`weakseg simulate`: weak labels simulated from full masks.

They are files that training reads, with a page that shows them.
"""

import shlex
from pathlib import Path

from rich.console import Console
from rich.text import Text

from weakseg.commands.options import SimulateOptions
from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar
from weakseg.data.folder.folder import Folder, find
from weakseg.data.simulate.annotators import Boxes, Clicks, IntervalSizes, Kind, OneBitSizes, Scribbles, Tags
from weakseg.data.simulate.files import write_simulated
from weakseg.errors import RecipeInvalid
from weakseg.files.layout import ALL, TRAIN
from weakseg.report.simulation_page import write_simulation_page


def simulate_and_show(data: str, out: Path, wanted: SimulateOptions, seed: int, split: str) -> None:
    """Simulate labels of one kind, and show how to train."""
    chosen, images = _kind(wanted), Folder(data, split)
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{wanted.kind} for {counted(len(images), 'image')} of {data}, {split}"))
    with bar("simulating") as progress:
        (place,) = write_simulated(images, (chosen,), seed, out, progress)
    page = place.with_name(place.name.removesuffix(".csv") + ".html")
    labelled = Folder(data, split, labels=(str(place),))
    write_simulation_page(labelled, page, f"{chosen}, seed {seed}, on {data}, {split}")
    for line in (f"labels: {place}", f"page: {page}", f"in a recipe: {labelled!r}", *_next(data, split, place)):
        console.print(Text(line))


def _next(data: str, split: str, place: Path) -> tuple[str, ...]:
    """The command that trains on these labels, if there is one.

    `weakseg train` uses the split `train`, or all images where there is none.
    """
    if split != (TRAIN if (find(data) / "splits" / "train.txt").is_file() else ALL):
        return ()
    command = ["weakseg", "train", data, "--labels", str(place), "--out", str(Path("runs") / place.stem)]
    return ("to train on them:", f"  {shlex.join(command)}")


def _kind(wanted: SimulateOptions) -> Kind:
    """The kind of labels requested on the command line."""
    kind, threshold, pen = wanted.kind, wanted.threshold, (wanted.length, wanted.width)
    kinds: dict[str, Kind] = {
        "scribbles": Scribbles(*pen),
        "clicks": Clicks(),
        "boxes": Boxes(),
        "tags": Tags(),
        "sizes": IntervalSizes() if threshold is None else OneBitSizes(threshold),
    }
    if kind not in kinds:
        raise RecipeInvalid(f"--kind {kind}", expected=f"one of {', '.join(kinds)}")
    if pen != (Scribbles.length, Scribbles.width_px) and not isinstance(kinds[kind], Scribbles):
        raise RecipeInvalid(
            f"--length or --width with --kind {kind}", fix="leave them out: they apply to scribbles only"
        )
    if threshold is not None and not isinstance(kinds[kind], OneBitSizes):
        raise RecipeInvalid(f"--threshold with --kind {kind}", fix="leave it out: it applies to sizes only")
    return kinds[kind]
