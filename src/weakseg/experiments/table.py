"""Tables of runs: `weakseg experiments`.

Missing cells are trained, and the table is printed. A cell is one row's recipe under one random seed, in its own run
folder. Finished cells are kept, interrupted ones are resumed, and those that another process trains are skipped, so the
command may be started repeatedly and in parallel.
"""

import runpy
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape

from weakseg.console.progress_bar import bar
from weakseg.data.sample import Dataset
from weakseg.data.view import view, whole
from weakseg.errors import RecipeInvalid, RunInvalid, WeaksegError
from weakseg.experiments import crf_columns
from weakseg.recipe.identity import what_differs
from weakseg.recipe.recipe import Recipe
from weakseg.runs.lock import RunBusy, lock
from weakseg.runs.run import Run, open_run
from weakseg.train.loop import train_recipe
from weakseg.train.validation import stopped_early
from weakseg.types import UNLABELED

_SCORES = ("mean_iou", "mean_dice", "pixel_accuracy")


@dataclass(frozen=True)
class Row:
    """One method of a table."""

    name: str
    recipe: Recipe
    seeds: tuple[int, ...] = (0, 1, 2)
    """Random seeds of the row's runs."""


@dataclass(frozen=True)
class Table:
    """A table of methods, each run under several random seeds.

    Scores are those of the last checkpoint on the recipes' validation images.
    """

    rows: tuple[Row, ...]
    score: str = "mean_iou"
    """The score that is shown: mean_iou, mean_dice or pixel_accuracy."""

    def __post_init__(self):
        if self.score not in _SCORES:
            raise RecipeInvalid(f"score is {self.score!r}", expected=f"one of {', '.join(_SCORES)}")
        slugs = [_slug(row.name) for row in self.rows]
        # Letters that file names lack become "_", by which two names may become one.
        twice = [row.name for row, slug in zip(self.rows, slugs, strict=True) if slugs.count(slug) > 1]
        if twice:
            found = f"the rows {' and '.join(map(repr, twice))} would share a run folder"
            raise RecipeInvalid(found, expected="names that differ in letters or digits")
        blind = [row.name for row in self.rows if row.recipe.validation is None]
        if blind:
            fix = "give their recipes `validation`"
            raise RecipeInvalid(f"rows without validation images: {', '.join(blind)}", fix=fix)


def fill_and_show(path: Path, out: Path, show_only: bool, crf: bool) -> None:
    """Train the missing cells, and print the table.

    It is printed as Markdown, with a CRF behind each run if asked.
    """
    console, table = Console(soft_wrap=True, markup=False), load_table(path)
    # Seed by seed, so that an interrupted table has as many seeds in every row.
    cells = sorted((seed, index) for index, row in enumerate(table.rows) for seed in row.seeds)
    for seed, index in cells if not show_only else ():
        row = table.rows[index]
        folder = out / path.stem / f"{_slug(row.name)}-seed{seed}"
        recipe = replace(row.recipe, seed=seed)
        # A cell that is locked is another process's to train.
        with suppress(RunBusy), lock(folder):
            if not _finished(folder, recipe):
                console.print(f"{row.name}, seed {seed}: {folder}", highlight=False)
                train_recipe(recipe, folder, resume=(folder / "run.json").is_file(), console=console)
    print(as_markdown(table, out / path.stem, crf))


def load_table(path: Path) -> Table:
    """The table that a Python file defines."""
    if not path.is_file():
        raise RecipeInvalid(f"there is no table file {path}", fix="check the path")
    try:
        table = runpy.run_path(str(path)).get("table")
    except WeaksegError:
        raise
    except Exception as error:
        found = f"{path} does not run: {type(error).__name__}: {error}"
        raise RecipeInvalid(found, fix="correct the file") from error
    if not isinstance(table, Table):
        raise RecipeInvalid(f"{path} defines no table", expected="table = Table(...) as its last line")
    return table


def as_markdown(table: Table, folder: Path, crf: bool = False) -> str:
    """The table as Markdown.

    Scores are the mean and standard deviation over the finished seeds of each row, with the fraction of labelled
    pixels.

    Minutes are the mean over runs.
    """
    titles = ("method", "labelled pixels", table.score, *(crf_columns.TITLES if crf else ()), "seeds", "minutes")
    lines = [_line(titles), "|" + "---|" * len(titles)]
    for row in table.rows:
        places = [(folder / f"{_slug(row.name)}-seed{seed}", seed) for seed in row.seeds]
        done = [_own(row, place, seed) for place, seed in places if _finished(place, replace(row.recipe, seed=seed))]
        scores = [[run.metrics[-1][table.score] for run in done]]
        scores += crf_columns.refined_scores(done, table.score) if crf else []
        minutes = [sum(line["seconds"] for line in run.metrics) / 60 for run in done]
        labelled = _labelled_fraction(row.recipe.training, row.name)
        took = f"{np.mean(minutes):.1f}" if minutes else "-"
        shown = map(crf_columns.mean_and_spread, scores)
        lines.append(_line((row.name, f"{labelled:.2%}", *shown, f"{len(done)}/{len(row.seeds)}", took)))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _labelled_fraction(samples: Dataset, name: str) -> float:
    """The fraction of all images' valid pixels that are labelled."""
    labelled = valid = 0
    with bar(f"labels of {escape(name)}") as progress:
        for index in range(len(samples)):
            sample = samples[index]
            weak = view(sample, whole(), sample.valid.shape).weak
            labelled += int((weak.seeds != UNLABELED).sum())
            valid += int(weak.valid.sum())
            progress(index + 1, len(samples))
    return labelled / max(valid, 1)


def _own(row: Row, place: Path, seed: int) -> Run:
    """A finished run, with its recipe as the table has it.

    Parts made by the user's own code are included.
    """
    return replace(open_run(place), given=replace(row.recipe, seed=seed))


def _finished(folder: Path, recipe: Recipe) -> bool:
    """Whether a cell's run is complete.

    A run of another recipe is an error.
    """
    if not (folder / "run.json").is_file():
        return False
    run = open_run(folder)
    # A row that was changed since must not show the numbers of what it was.
    if other := what_differs(run.record, recipe):
        found = f"{folder} holds a run whose recipe is not the table row's: {'; '.join(other)}"
        fix = "move that folder away to train the row as it is now, or give another --out"
        raise RunInvalid(found, fix=fix)
    return run.epochs_done >= recipe.epochs or stopped_early(recipe, run.metrics)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in name)
