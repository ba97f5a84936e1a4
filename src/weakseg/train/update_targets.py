"""When hidden segmentations are found anew: by which process, and what is kept of them on disk."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from weakseg.data.sample import Dataset
from weakseg.evaluation.predictor import Predictor
from weakseg.evaluation.scores import Scores
from weakseg.losses.objectives import Fit
from weakseg.losses.solve_log import Solve, summary
from weakseg.runs.names import BEFORE
from weakseg.train import engine
from weakseg.train.loader import Remember, Share, nothing
from weakseg.train.progress import Display
from weakseg.train.targets import Found, Targets, sweep
from weakseg.types import Classes


def refresh(
    folder: Path,
    fit: Fit | None,
    samples: Dataset,
    predictor: Predictor,
    accelerator: engine.Accelerator,
    share: Share,
    shown: Display,
    marks: tuple[str, str] = ("", ""),
) -> tuple[Remember, dict[str, Any], list[Solve]]:
    """What is remembered from now on, what to log of the sweep that found it, and how its solves ended.

    A complete folder is left as it is, as when a run is resumed; of an incomplete one, what is missing is found. The
    earlier sweep is where it starts from; it goes to `targets_before` in the end, for as long as this one may have to
    be made again.

    Args:
        folder: where the targets go; its neighbours are earlier sweeps'.
        fit: which part of the objective remembers; `None` where none does.
        samples: the training images.
        predictor: the network of this moment.
        accelerator: for the other processes.
        share: which part of the images is this process's.
        shown: where progress is shown.
        marks: of this sweep's files and of the earlier one's.
    """
    if fit is None:
        return nothing, {}, []
    started, targets, before = time.perf_counter(), Targets(folder, marks[0]), folder.parent.with_name(BEFORE)
    older = earlier_sweeps(folder)
    earlier = Targets(older[-1], marks[1]) if older else None
    with shown.sweep(len(range(share.rank, len(samples), share.of))) as progress:
        mine = sweep(fit.solver, samples, predictor, targets, earlier, share, progress)
    found = [each for part in engine.gathered(accelerator, mine) for each in part]
    ended = [each.solve for each in found]
    line = {
        **_line_of(found, samples.classes),
        "targets_there": len(samples) - len(found),
        "targets_seconds": round(time.perf_counter() - started, 3),
    }
    if accelerator.is_main_process:
        shown.swept(type(fit.solver).__name__, line)
        shown.contradictions(ended)
        _put_aside([path for path in older if path.parent != before], before)
    return targets, line, ended


def earlier_sweeps(folder: Path) -> list[Path]:
    """The folders of the sweeps before one, the latest last."""
    beside = [path for path in folder.parent.glob("epoch_*") if path.name < folder.name]
    # Where this sweep was complete already once.
    aside = [path for path in folder.parent.with_name(BEFORE).glob("epoch_*") if path.name < folder.name]
    return sorted(beside or aside, key=lambda path: path.name)


def _put_aside(older: list[Path], before: Path) -> None:
    """Keep the latest of the earlier sweeps, and remove the others."""
    if not older:
        return
    for path in [*older[:-1], *before.glob("epoch_*")]:
        shutil.rmtree(path, ignore_errors=True)
    before.mkdir(exist_ok=True)
    os.replace(older[-1], before / older[-1].name)


def _line_of(found: list[Found], classes: Classes) -> dict[str, float | None]:
    """Of images solved now: means of energy, bound, gap and confidence, the targets' mIoU where there are masks.

    `None` for what is unknown. Labels have no confidence.
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
    """What no segmentation has a lower energy than, where a solver proves it: by itself, or by its gap."""
    if "gap" in numbers:
        return numbers["energy"] - numbers["gap"]
    return numbers.get("bound")
