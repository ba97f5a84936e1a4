"""`weakseg predict`: masks for images of any size.

Probabilities and overlays on request.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar, tell
from weakseg.evaluation.device import best_device
from weakseg.evaluation.predict_files import predict_files
from weakseg.experiments.tune_crf import which_crf
from weakseg.runs.run import open_run


@dataclass(frozen=True)
class Wanted:
    """Output files and options of a prediction."""

    probabilities: bool = False
    overlays: bool = False
    crf: bool = False
    as_json: bool = False


def predict_and_show(
    path: Path, files: list[Path], out: Path, device: str | None, wanted: Wanted, recipe: Path | None = None
) -> None:
    """Predict masks for files, and report where they are.

    They are refined by the run's CRF on request.
    """
    run = open_run(path, recipe)
    predictor = replace(run.predictor(device or best_device()), crf=run.crf if wanted.crf else None)
    with bar("predicting") as progress:
        masks = predict_files(predictor, files, out, wanted.probabilities, wanted.overlays, progress, tell)
    if wanted.as_json:
        numbers = dict(zip(run.classes.names, predictor.numbers, strict=True))
        print(json.dumps({"masks": [str(mask) for mask in masks], "numbers": numbers, "void": predictor.void}))
    else:
        print(f"{counted(len(masks), 'mask')} in {out}" + (f", refined by {which_crf(run)}" if wanted.crf else ""))
