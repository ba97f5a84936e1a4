"""The report of one or several runs on one page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from weakseg.data.sample import Dataset
from weakseg.errors import RunInvalid, WeaksegError, WriteRefused
from weakseg.evaluation.scores import Scores
from weakseg.files.regular_file import read_text
from weakseg.recipe.foreign import foreign_parts
from weakseg.report.comparison import comparisons
from weakseg.report.html import css_colors, require_free, write_page
from weakseg.report.sections import Account, curves, evaluated, facts
from weakseg.report.training_labels import training_labels
from weakseg.report.updates import updates
from weakseg.runs.datasets import Run, dataset
from weakseg.runs.scores import evaluation


def write_report(runs: Sequence[Run], out: Path, say: Callable[[str], None] = lambda line: None) -> None:
    """Write the report of runs.

    A run without kept scores is evaluated first.

    The page names images and weights that cannot be loaded, and shows the rest.

    Raises:
        DataInvalid: `out` exists, and is not a report.
        WriteRefused: the page cannot be written; the message has the scores.
    """
    require_free(out)
    names = _names(runs)
    accounts = [account(run, name, index, say) for index, (run, name) in enumerate(zip(runs, names, strict=True))]
    say("writing the report")
    setups, scored, learnt = [facts(run) for run in runs], evaluated(accounts), training_labels(accounts)
    # Runs may differ in the number of phases; a fact that one lacks is a dash.
    names_of_facts = list(dict.fromkeys(name for of in setups for name in of))
    try:
        write_page(
            out,
            "report.html",
            title=" · ".join(names),
            accounts=accounts,
            facts=[{name: of.get(name, "–") for name in names_of_facts} for of in setups],
            fact_names=names_of_facts,
            recipes=[_recipe_text(run) for run in runs],
            charts=curves(accounts),
            updates=updates(accounts),
            evaluated=scored,
            training_labels=learnt,
            comparisons=comparisons(scored, learnt),
            labelled_fractions={
                a.name: each.counts.labelled_share for block in learnt for each in block.sets for a in each.accounts
            },
            colors=css_colors,
        )
    except WriteRefused as error:
        # Evaluation takes minutes, so the scores are shown although the page cannot be written.
        scores = [f"  {a.name}: {_in_short(a.scores)}" for a in accounts if a.scores is not None]
        found = "\n".join([error.found, *(["The scores are:"] if scores else []), *scores])
        raise WriteRefused(found, fix="write the page elsewhere, with --out") from error


def _in_short(scores: Scores) -> str:
    return f"mIoU {scores.mean_iou():.3f}, mean Dice {scores.mean_dice():.3f}, accuracy {scores.pixel_accuracy():.3f}"


def account(run: Run, name: str, color: int, say: Callable[[str], None]) -> Account:
    """Everything that the page shows of one run."""
    say(f"reading {name}")
    notes: list[str] = []

    def loaded(get: Callable[[], Any]) -> Any:
        try:
            return get()
        except WeaksegError as error:
            notes.append(str(error))

    own = loaded(lambda: [*foreign_parts(run.recipe.phases)])
    if own:
        notes.append(f"hidden segmentations are left out: {', '.join(own)} is your own code\nTo do: {run.rebuilding}")
    return Account(
        run=run,
        name=name,
        color=color,
        predictor=loaded(run.predictor),
        scores=loaded(lambda: evaluation(run)),
        validation=loaded(lambda: _opened(run, "validation")),
        training=loaded(lambda: _opened(run, "training")),
        notes=tuple(dict.fromkeys(notes)),
    )


def _opened(run: Run, part: str) -> Dataset:
    """A dataset of a run, with its first image read.

    A folder that has moved is found out here.
    """
    samples = dataset(run, part)
    samples[0]
    return samples


def _names(runs: Sequence[Run]) -> list[str]:
    """Names of runs: folder names, or paths if equal."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _recipe_text(run: Run) -> str:
    file = run.path / "recipe.py"
    return read_text(file, RunInvalid) if file.is_file() else repr(run.recipe)
