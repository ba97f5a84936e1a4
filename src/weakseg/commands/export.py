"""`weakseg export` and `weakseg push`: a run as files of other programs, and on the hub."""

from pathlib import Path

from weakseg.commands.options import ExportOptions
from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar, tell
from weakseg.errors import RecipeInvalid
from weakseg.export.about import about
from weakseg.export.hub import push
from weakseg.export.nnunet import write_nnunet
from weakseg.export.onnx_file import write_onnx
from weakseg.runs.datasets import dataset
from weakseg.runs.run import open_run


def export_and_show(path: Path, wanted: ExportOptions, recipe: Path | None = None) -> None:
    """Export a run, and report what was written."""
    if wanted.onnx is None and wanted.nnunet is None:
        fix = "add --onnx model.onnx, or --nnunet Dataset101_Name"
        raise RecipeInvalid("nothing is to be written", expected="a file or folder", fix=fix)
    run = open_run(path, recipe)
    predictor = run.predictor(which="last" if wanted.last else "best")
    if wanted.onnx is not None:
        said = about(run, wanted.licence)
        tell(f"licence of the weights that it began from: {said.licence}")
        parity = write_onnx(predictor, said, wanted.onnx)
        print(f"{wanted.onnx}: {wanted.onnx.stat().st_size / 2**20:.1f} MiB; {parity}")
    if wanted.nnunet is not None:
        with bar("labelling") as progress:
            found = write_nnunet(run, predictor, dataset(run, "training"), wanted.nnunet, wanted.sure, progress)
        print(
            f"{wanted.nnunet}: {counted(found.images, 'image')}; {found.taught:.1%} of the pixels are labelled"
            f" ({found.drawn:.1%} were drawn), the others are ignored"
        )


def push_and_show(path: Path, name: str, public: bool, onnx: bool, licence: str | None, recipe: Path | None) -> None:
    """Upload a run to the hub, and report where it is."""
    run = open_run(path, recipe)
    said = about(run, licence)
    tell(f"licence of the weights that it began from: {said.licence}")
    pushed = push(run, said, name, not public, onnx)
    print(f"{pushed.url}: read its card, then make it public or share it")
    print(f'  weakseg.load("{name}", revision="{pushed.revision}")')
