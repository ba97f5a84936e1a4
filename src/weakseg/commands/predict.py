"""`weakseg predict`: masks, and on request probabilities and overlays, for pictures of any size."""

from pathlib import Path

from weakseg.commands.bar import bar
from weakseg.report.prediction import predict_files
from weakseg.train.run_folder import load


def predict_and_show(run: Path, files: list[Path], out: Path, probabilities: bool, overlays: bool, device: str) -> None:
    """Predict every picture and say where the masks are."""
    predictor = load(run, device)
    with bar("predicting") as told:
        masks = predict_files(predictor, files, out, probabilities, overlays, told)
    print(f"{len(masks)} masks in {out}")
