"""`weakseg export`: a run as files of other programs."""

from pathlib import Path

from weakseg.console.progress_bar import tell
from weakseg.errors import RecipeInvalid
from weakseg.export.about import about
from weakseg.export.onnx_file import write_onnx
from weakseg.runs.run import open_run


def export_and_show(
    path: Path, onnx: Path | None, licence: str | None = None, which: str = "best", recipe: Path | None = None
) -> None:
    """Export a run, and report what was written."""
    if onnx is None:
        raise RecipeInvalid("nothing is to be written", expected="a file", fix="add --onnx model.onnx")
    run = open_run(path, recipe)
    predictor = run.predictor(which=which)
    said = about(run, licence)
    tell(f"licence of the weights that it began from: {said.licence}")
    parity = write_onnx(predictor, said, onnx)
    print(f"{onnx}: {onnx.stat().st_size / 2**20:.1f} MiB; {parity}")
