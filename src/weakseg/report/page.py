"""The report of one or several runs on one page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from weakseg.data.sample import Dataset
from weakseg.errors import RunInvalid, WeaksegError, WriteRefused
from weakseg.evaluation.scores import Scores
from weakseg.files.regular_file import read_text
from weakseg.foreign import foreign_parts
from weakseg.report.comparison import comparisons
from weakseg.report.html import css_colors, require_free, write_page
from weakseg.report.sections import Account, curves, judged
from weakseg.report.setup import facts
from weakseg.report.taught import taught
from weakseg.report.updates import updates
from weakseg.runs.datasets import Run, dataset
from weakseg.runs.scores import evaluation


def write_report(runs: Sequence[Run], out: Path, say: Callable[[str], None] = lambda line: None) -> None:
    """Write one self-contained page about runs; a run without kept scores is evaluated first.

    Images or weights that cannot be had are named on the page, which shows the rest.

    Raises:
        DataInvalid: `out` is a file that is no report.
        WriteRefused: it cannot be written; the message has the scores.
    """
    require_free(out)
    names = _names(runs)
    accounts = [account(run, name, index, say) for index, (run, name) in enumerate(zip(runs, names, strict=True))]
    say("drawing the report")
    said, scored, learnt = [facts(run) for run in runs], judged(accounts), taught(accounts)
    # Runs may have other numbers of phases: what one does not say is a dash.
    asked = list(dict.fromkeys(name for of in said for name in of))
    try:
        write_page(
            out,
            "report.html",
            title=" · ".join(names),
            accounts=accounts,
            facts=[{name: of.get(name, "–") for name in asked} for of in said],
            fact_names=asked,
            recipes=[_recipe_text(run) for run in runs],
            charts=curves(accounts),
            updates=updates(accounts),
            judged=scored,
            taught=learnt,
            comparisons=comparisons(scored, learnt),
            shares={
                a.name: each.counts.labelled_share for block in learnt for each in block.sets for a in each.accounts
            },
            colors=css_colors,
        )
    except WriteRefused as error:
        # All is computed; what people wait for is shown all the same.
        scores = [f"  {a.name}: {_in_short(a.scores)}" for a in accounts if a.scores is not None]
        found = "\n".join([error.found, *(["The scores are:"] if scores else []), *scores])
        raise WriteRefused(found, fix="write the page elsewhere, with --out") from error


def _in_short(scores: Scores) -> str:
    return f"mIoU {scores.mean_iou():.3f}, mean Dice {scores.mean_dice():.3f}, accuracy {scores.pixel_accuracy():.3f}"


def account(run: Run, name: str, color: int, say: Callable[[str], None]) -> Account:
    """Everything the page needs of one run."""
    say(f"looking at {name}")
    notes: list[str] = []

    def had(get: Callable[[], Any]) -> Any:
        try:
            return get()
        except WeaksegError as error:
            notes.append(str(error))

    own = had(lambda: [*foreign_parts(run.recipe.phases)])
    if own:
        notes.append(f"Hidden segmentations are left out: {', '.join(own)} is your own code.\nTo do: {run.rebuilding}")
    return Account(
        run=run,
        name=name,
        color=color,
        predictor=had(run.predictor),
        scores=had(lambda: evaluation(run)),
        validation=had(lambda: _opened(run, "validation")),
        training=had(lambda: _opened(run, "training")),
        notes=tuple(dict.fromkeys(notes)),
    )


def _opened(run: Run, part: str) -> Dataset:
    """Images of a run, the first of them read, so that a folder that has moved is found out here."""
    samples = dataset(run, part)
    samples[0]
    return samples


def _names(runs: Sequence[Run]) -> list[str]:
    """Folder names, or whole paths where two runs share a name."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _recipe_text(run: Run) -> str:
    file = run.path / "recipe.py"
    return read_text(file, RunInvalid) if file.is_file() else repr(run.recipe)
