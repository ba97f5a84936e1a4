"""`weakseg predict`: masks for images of any size.

Probabilities and overlays on request.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from weakseg.annotations.writing import WRITERS
from weakseg.classes import UNLABELED
from weakseg.commands.options import PredictOptions
from weakseg.console.duration import counted
from weakseg.console.progress_bar import bar, tell
from weakseg.data.images.label_file import read_labels
from weakseg.data.volumes.grid import PLANES
from weakseg.data.volumes.volume import stem_of
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.evaluation.files.predict_files import predict_files
from weakseg.evaluation.files.predict_together import predict_together
from weakseg.evaluation.files.predict_volumes import predict_volumes
from weakseg.evaluation.onnx_predictor import open_onnx
from weakseg.evaluation.segments import Segments
from weakseg.files.paths import require_new
from weakseg.files.whole_file import write_whole
from weakseg.formats.writers.segmented import Segmented
from weakseg.runs.hub import here


def predict_and_show(
    path: Path, files: list[Path], out: Path, wanted: PredictOptions, recipe: Path | None = None
) -> None:
    """Predict masks for files, and report where they are.

    They are refined by the run's CRF on request.
    """
    if wanted.plane is not None and wanted.plane not in PLANES:
        raise DataInvalid(f"--plane {wanted.plane}", expected=", ".join(PLANES))
    if wanted.format is not None and wanted.format not in WRITERS:
        raise DataInvalid(f"--format {wanted.format}", expected=f"one of {', '.join(WRITERS)}")
    if wanted.format is not None and wanted.join:
        found, fix = "--format with --join", "leave out --join, or --format"
        raise DataInvalid(found, expected="masks alone from many processes", fix=fix)
    path = here(path, wanted.revision)
    # A file is an ONNX file, a folder a run.
    predictor, by = (_of_file if path.is_file() else _of_run)(path, wanted.device, wanted.crf, recipe)
    if any(map(stem_of, files)):
        predict_volumes_and_show(path, predictor, files, out, wanted, by)
        return
    if wanted.format is not None:
        # Before minutes of predictions, which could not be repeated into the same folder.
        nothing = (Segmented(file.name, np.zeros((1, 1), int), file=file) for file in files)
        for name, _ in WRITERS[wanted.format](nothing, predictor.classes.names):
            require_new(out / name, "--out")
    predict = predict_together if wanted.join else predict_files
    with bar("predicting") as progress:
        masks = predict(predictor, files, out, wanted.probabilities, wanted.overlays, progress, tell)
    if wanted.format is not None:
        written = write_annotations(wanted.format, dict(zip(files, masks, strict=True)), out, predictor)
        tell(f"{counted(len(written), 'file')} for {wanted.format} in {out}")
    if wanted.json:
        numbers = dict(zip(predictor.classes.names, predictor.numbers, strict=True))
        print(json.dumps({"masks": [str(mask) for mask in masks], "numbers": numbers, "void": predictor.void}))
    else:
        print(f"{counted(len(masks), 'mask')} in {out}" + (f", refined by {by}" if by else ""))


def predict_volumes_and_show(
    path: Path, predictor: Segments, files: list[Path], out: Path, wanted: PredictOptions, by: str
) -> None:
    """Predict volumes slice by slice, and report where their labels are."""
    others = {
        "--probabilities": wanted.probabilities,
        "--overlays": wanted.overlays,
        "--format": wanted.format,
        "--join": wanted.join,
    }
    if asked := [option for option, value in others.items() if value]:
        raise DataInvalid(f"{asked[0]} with volumes", fix="leave it out: a volume of labels is written for each")
    plane = wanted.plane or _plane_of(path)
    with bar("predicting") as progress:
        written = predict_volumes(predictor, files, out, plane, progress)
    if wanted.json:
        numbers = dict(zip(predictor.classes.names, predictor.numbers, strict=True))
        print(json.dumps({"volumes": [str(file) for file in written], "numbers": numbers, "void": predictor.void}))
    else:
        print(f"{counted(len(written), 'volume')} of {plane} slices in {out}" + (f", refined by {by}" if by else ""))


def _plane_of(path: Path) -> str:
    """The plane of the slices that a run was trained on."""
    plane = ""
    if not path.is_file():
        from weakseg.runs.run import open_run

        plane = open_run(path).declaration.plane
    if not plane:
        found = f"{path} does not say in which plane its training's slices lie"
        raise DataInvalid(found, expected=", ".join(PLANES), fix="name the plane: --plane axial")
    return plane


def _of_run(path: Path, device: str | None, crf: bool, recipe: Path | None) -> tuple[Segments, str]:
    """The network of a run, and the CRF that refines it."""
    # An ONNX file is predicted with where torch is not installed.
    from weakseg.evaluation.device import best_device
    from weakseg.experiments.tune_crf import which_crf
    from weakseg.runs.run import open_run

    run = open_run(path, recipe)
    predictor = run.predictor(device or best_device())
    return (replace(predictor, crf=run.crf), which_crf(run)) if crf else (predictor, "")


def _of_file(path: Path, device: str | None, crf: bool, recipe: Path | None) -> tuple[Segments, str]:
    """The network of an ONNX file, which no CRF refines."""
    if crf or recipe is not None:
        found = f"{path} is a file, and {'--crf' if crf else '--recipe'} is given"
        raise RecipeInvalid(found, expected="a run folder for this option", fix="predict with the run itself")
    return open_onnx(path, device), ""


def write_annotations(format: str, masks: dict[Path, Path], out: Path, predictor: Segments) -> list[Path]:
    """Write predicted masks as files of an annotation tool, and return their paths.

    Args:
        format: a name of `WRITERS`.
        masks: the mask of each image.
        out: the folder to write to.
        predictor: its classes, their numbers in the masks, and void.

    Raises:
        WriteRefused: a file exists already, or cannot be written.
    """
    classes = np.full(1 << 16, UNLABELED, np.int32)  # masks have at most 16 bits
    classes[[*predictor.numbers]] = np.arange(len(predictor.numbers))
    written = []

    def images() -> Iterator[Segmented]:
        for file, mask in masks.items():
            yield Segmented(file.name, classes[read_labels(mask)], os.path.relpath(file, out), file)

    for name, content in WRITERS[format](images(), predictor.classes.names):
        require_new(out / name, "--out")
        write_whole(out / name, lambda path, content=content: path.write_bytes(content))
        written.append(out / name)
    return written
