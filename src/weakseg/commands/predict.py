"""`weakseg predict`: masks, and on request probabilities and overlays, for pictures of any size."""

from dataclasses import replace
from pathlib import Path

from weakseg.commands.bar import bar
from weakseg.commands.tune_crf import which_crf
from weakseg.report.prediction import predict_files
from weakseg.train.run_folder import open_run


def predict_and_show(
    path: Path, files: list[Path], out: Path, probabilities: bool, overlays: bool, device: str, crf: bool
) -> None:
    """Predict every picture, refined by the run's CRF if asked, and say where the masks are."""
    run = open_run(path)
    predictor = replace(run.predictor(device), crf=run.crf if crf else None)
    with bar("predicting") as told:
        masks = predict_files(predictor, files, out, probabilities, overlays, told)
    print(f"{len(masks)} masks in {out}" + (f", refined by {which_crf(run)}" if crf else ""))
