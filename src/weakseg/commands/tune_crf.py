"""`weakseg tune-crf`: the CRF settings that suit a run, found on training pictures with masks, kept in the run."""

from pathlib import Path

import numpy as np

from weakseg.commands.bar import bar
from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import DataInvalid
from weakseg.evaluate.predict import Predictor
from weakseg.evaluate.tune_crf import Predicted, Tuned, tune
from weakseg.report.run import dataset
from weakseg.train.run_folder import Run, keep_crf, open_run


def tune_and_show(path: Path, pictures: int, device: str) -> None:
    """Tune on up to so many pictures, keep the result, and print what it is worth."""
    run = open_run(path)
    predicted = _predicted(run, run.predictor(device), pictures)
    _show(_tuned(run, predicted), len(predicted))


def tuned_for(run: Run, pictures: int) -> DenseCRF:
    """The CRF that was tuned for a run; tuned now, to its last network, where none was."""
    if not (run.path / "crf.json").is_file():
        _tuned(run, _predicted(run, run.predictor(which="last"), pictures))
    return run.crf


def _tuned(run: Run, predicted: list[Predicted]) -> Tuned:
    with bar("tuning") as told:
        tuned = tune(predicted, run.classes, progress=told)
    keep_crf(run.path, tuned.crf)
    return tuned


def _predicted(run: Run, predictor: Predictor, most: int) -> list[Predicted]:
    """Training pictures with masks, evenly spread over the set."""
    training, found = dataset(run, "training"), []
    chosen = np.unique(np.linspace(0, len(training) - 1, most).round().astype(int))
    with bar("predicting") as told:
        for done, index in enumerate(chosen.tolist(), start=1):
            sample = training[index]
            if sample.truth is not None:
                found.append(Predicted(sample.image, predictor(sample.image), sample.truth))
            told(done, len(chosen))
    if not found:
        raise DataInvalid(
            f"none of {len(chosen)} training pictures has a full mask",
            mend="add masks of some training pictures, or use --crf as it is",
        )
    return found


def _show(tuned: Tuned, pictures: int) -> None:
    print(f"mean IoU on {pictures} pictures: {tuned.without:.4f} without CRF, {tuned.before:.4f} untuned, ", end="")
    print(f"{tuned.after:.4f} tuned")
    print(f"{tuned.crf}\nkept in the run: --crf uses it from now on")
