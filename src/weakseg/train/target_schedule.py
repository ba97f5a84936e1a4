"""When a training updates its targets, and what it logs of an update."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from weakseg.data.sample import Dataset
from weakseg.evaluation.predictor import Predictor
from weakseg.evaluation.scores import Scores
from weakseg.losses.solve_log import Solve, summary
from weakseg.recipe.recipe import Phase, Recipe
from weakseg.runs.names import BEFORE
from weakseg.train import engine
from weakseg.train.loader import Share
from weakseg.train.progress import Display
from weakseg.train.targets import Targets
from weakseg.train.update_targets import Found, fit_in, update_targets
from weakseg.types import Classes, Objective


def phase_of(recipe: Recipe, epoch: int) -> tuple[Phase, int]:
    """The phase that an epoch belongs to, and the phase's first epoch."""
    start = 0
    for phase in recipe.phases:
        if epoch < start + phase.epochs:
            return phase, start
        start += phase.epochs
    raise ValueError(f"epoch {epoch} lies behind the recipe's {recipe.epochs}")


def stretch_of(recipe: Recipe, epoch: int) -> range:
    """The epochs around this one between two updates of the targets; the whole phase where there are none."""
    phase, start = phase_of(recipe, epoch)
    end, every = start + phase.epochs, phase.update_targets_every or phase.epochs
    # Counted from the phase's first epoch: each phase updates its targets when it begins.
    begin = epoch - (epoch - start) % every
    return range(begin, min(begin + every, end))


def refresh(
    targets: Targets,
    earlier_mark: str,
    objective: Objective,
    samples: Dataset,
    predictor: Predictor,
    processes: tuple[engine.Accelerator, Share],
    shown: Display,
) -> tuple[dict[str, Any], list[Solve]]:
    """What to log of an update of the targets, and how its solves ended.

    A complete folder is left as it is, as when a run is resumed; of an incomplete one, what is missing is found. The
    earlier update is where it starts from; it goes to `targets_before` in the end, for as long as this one may have
    to be made again.

    Args:
        targets: where the files go; the folder's neighbours are those of earlier updates.
        earlier_mark: the mark of the earlier update's files.
        objective: its `Fit` solves.
        samples: the training images.
        predictor: the network of this moment.
        processes: all of them, and which part of the images is this one's.
        shown: where progress is shown.
    """
    started, before = time.perf_counter(), targets.folder.parent.with_name(BEFORE)
    (accelerator, share), older = processes, earlier_sweeps(targets.folder)
    earlier, mine = Targets(older[-1], earlier_mark) if older else None, []
    with shown.sweep(len(range(share.rank, len(samples), share.of))) as progress:

        def done(found: Found | None) -> None:
            mine.extend([] if found is None else [found])
            progress()

        update_targets(objective, predictor, samples, targets, earlier, share, done)
    found = [each for part in engine.gathered(accelerator, mine) for each in part]
    ended = [each.solve for each in found]
    line = {
        **_line_of(found, samples.classes),
        "targets_there": len(samples) - len(found),
        "targets_seconds": round(time.perf_counter() - started, 3),
    }
    if accelerator.is_main_process:
        shown.swept(type(fit_in(objective).solver).__name__, line)
        shown.contradictions(ended)
        _put_aside([path for path in older if path.parent != before], before)
    return line, ended


def earlier_sweeps(folder: Path) -> list[Path]:
    """Folders of the updates before one, the latest last."""
    beside = [path for path in folder.parent.glob("epoch_*") if path.name < folder.name]
    # Where this update was complete already once.
    aside = [path for path in folder.parent.with_name(BEFORE).glob("epoch_*") if path.name < folder.name]
    return sorted(beside or aside, key=lambda path: path.name)


def _put_aside(older: list[Path], before: Path) -> None:
    """Keep the latest of the earlier updates, and remove the others."""
    if not older:
        return
    for path in [*older[:-1], *before.glob("epoch_*")]:
        shutil.rmtree(path, ignore_errors=True)
    before.mkdir(exist_ok=True)
    # Kept and not removed: if one of the new targets is lost, the update has to be made again from these.
    os.replace(older[-1], before / older[-1].name)


def _line_of(found: list[Found], classes: Classes) -> dict[str, float | None]:
    """Means over the images solved now, and the targets' mIoU.

    `None` for what is unknown: mIoU without masks, bounds that the solver does not prove, the confidence of labels.
    """
    matrices = [each.matrix for each in found if each.matrix is not None]
    names = tuple(map(str, range(len(matrices))))
    scores = Scores(classes, names, names, np.array(matrices)).mean_iou() if matrices else None
    bounds = [bound for each in found if (bound := _bound(each.solve.numbers)) is not None]
    confidences = [each.confidence for each in found if each.confidence is not None and np.isfinite(each.confidence)]
    energy = float(np.mean([each.solve.numbers["energy"] for each in found])) if found else None
    bound = float(np.mean(bounds)) if bounds else None
    return summary((each.solve for each in found), "targets") | {
        "targets_energy": energy,
        "targets_bound": bound,
        "targets_gap": None if energy is None or bound is None else energy - bound,
        "targets_confidence": float(np.mean(confidences)) if confidences else None,
        "targets_mean_iou": scores,
    }


def _bound(numbers: dict[str, float]) -> float | None:
    """Lower bound of the energy, where a solver proves it: by itself, or by its gap."""
    if "gap" in numbers:
        return numbers["energy"] - numbers["gap"]
    return numbers.get("bound")
