"""`weakseg predict`: masks, and on request probabilities and overlays, for images of any size."""

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
    """What is made of each image besides its mask, and how."""

    probabilities: bool = False
    overlays: bool = False
    crf: bool = False
    as_json: bool = False


def predict_and_show(
    path: Path, files: list[Path], out: Path, device: str | None, wanted: Wanted, recipe: Path | None = None
) -> None:
    """Predict every image, refined by the run's CRF if asked, and say where the masks are."""
    run = open_run(path, recipe)
    predictor = replace(run.predictor(device or best_device()), crf=run.crf if wanted.crf else None)
    with bar("predicting") as told:
        masks = predict_files(predictor, files, out, wanted.probabilities, wanted.overlays, told, tell)
    if wanted.as_json:
        numbers = dict(zip(run.classes.names, predictor.numbers, strict=True))
        print(json.dumps({"masks": [str(mask) for mask in masks], "numbers": numbers, "void": predictor.void}))
    else:
        print(f"{counted(len(masks), 'mask')} in {out}" + (f", refined by {which_crf(run)}" if wanted.crf else ""))
