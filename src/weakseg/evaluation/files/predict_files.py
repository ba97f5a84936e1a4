"""Prediction of image files to mask files."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest
from os.path import lexists
from pathlib import Path

import numpy as np
from PIL import Image

from weakseg.data.images.image_file import Decoded, decode
from weakseg.data.images.nodata import voided
from weakseg.data.rasters.open import opened_raster
from weakseg.errors import DataInvalid, WeaksegError, WriteRefused
from weakseg.evaluation.files import unfinished
from weakseg.evaluation.files.look_at_files import Looked, look_at
from weakseg.evaluation.files.predict_large import large
from weakseg.evaluation.segments import Segments
from weakseg.files.claims import Claims
from weakseg.files.paths import require_folder
from weakseg.files.whole_file import write_whole


@dataclass(frozen=True)
class Outputs:
    """Output files of one image; `None` for unwanted ones."""

    mask: Path
    probabilities: Path | None
    overlay: Path | None

    @property
    def files(self) -> list[Path]:
        """Those that are wanted."""
        return [path for path in (self.mask, self.probabilities, self.overlay) if path]


def predict_files(
    predictor: Segments,
    paths: Sequence[Path],
    out: Path,
    probabilities: bool = False,
    overlays: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    warn: Callable[[str], None] = lambda message: None,
) -> list[Path]:
    """Write a mask for each image file.

    Masks are `out/<stem>.png`, in the training's own numbers; their paths are returned. TIFFs that are large, have a
    place in the world or smaller copies are predicted by windows, to `out/<stem>.tif` with the same place. Where there
    are such among several, the same call after an interruption goes on with the images that have no mask.

    Where an image has no data, the mask holds the number of void, probabilities are nan, and the overlay has no class.

    Args:
        predictor: the trained network.
        paths: image files of any size.
        out: the output folder, which is made where it is missing.
        probabilities: also write `out/probabilities/<stem>.npz`, with float16 `probabilities` (C, H, W), `classes` and
            the `numbers` that masks hold for them.
        overlays: also write `out/overlays/<stem>.jpg`, the mask drawn on the image.
        progress: called with the number of images and windows of large images done, and of all.
        warn: called, before anything is predicted, with a message on images so dim that their masks may be wrong, and
            on large ones whose masks are not what they may be taken for.

    Raises:
        DataInvalid: images cannot be read or do not fit the network, two of them share a name, or an output file
            exists, or `out` is no folder. The message has all problems, and nothing has been written.
    """
    require_folder(out)
    # All names, all files and all headers are looked at before the first prediction: an error after an hour would leave
    # half of the masks.
    looked = look_at(predictor, paths)
    targets = outputs_of(paths, out, looked, probabilities, overlays)
    problems = [*looked.problems, *unwritable(predictor, targets, looked)]
    # Small images take seconds; after hours of large ones the same command goes on with the rest.
    long = bool(looked.windows) and len(paths) > 1 and not problems
    said = unfinished.said_of(predictor.digest, targets) if long else ""
    ready = unfinished.finished(out, said, targets) if long else []
    problems += existing([target for path, target in targets.items() if path not in ready])
    if problems:
        raise DataInvalid.of(problems)
    for each in looked.remarks:
        warn(each)
    make_folder(out)
    if long:
        unfinished.begin(out, said)
    done, total, claims = 0, sum(looked.windows.get(path, 1) for path in paths), Claims(out)
    for path, target in targets.items():
        if path in ready:
            done += looked.windows.get(path, 1)
            continue
        if not claims.take(target.mask.name):
            fix = "wait for it, choose another --out, or work on the folder together with --join"
            raise WriteRefused(f"{target.mask} is being predicted by {claims.owner(target.mask.name)}", fix=fix)
        try:
            # Another command may predict into the same folder.
            if taken := existing([target]):
                raise DataInvalid.of(taken)
            predict_one(predictor, path, target, looked, partial(_told, progress, done, total))
        finally:
            claims.release(target.mask.name)
        done += looked.windows.get(path, 1)
        progress(done, total)
    if long:
        unfinished.end(out)
    return [target.mask for target in targets.values()]


def make_folder(out: Path) -> None:
    """Make the output folder where it is missing.

    Raises:
        WriteRefused: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteRefused(f"{out} cannot be made: {error.strerror or error}", fix="choose another --out") from error


def outputs_of(
    paths: Sequence[Path], out: Path, looked: Looked, probabilities: bool, overlays: bool
) -> dict[Path, Outputs]:
    """The output files of each image."""
    return {
        path: Outputs(
            mask=out / f"{path.stem}{'.tif' if path in looked.windows else '.png'}",
            probabilities=out / "probabilities" / f"{path.stem}.npz" if probabilities else None,
            overlay=out / "overlays" / f"{path.stem}.jpg" if overlays else None,
        )
        for path in paths
    }


def _told(progress: Callable[[int, int], None], before: int, total: int, windows: int) -> None:
    progress(before + windows, total)


def predict_one(
    predictor: Segments, path: Path, target: Outputs, looked: Looked, progress: Callable[[int], None]
) -> None:
    """Write the output files of one image.

    Args:
        predictor: the trained network.
        path: the image.
        target: its output files, of which the mask is written last.
        looked: which images are predicted by windows.
        progress: called with the number of windows done.
    """
    if path not in looked.windows:
        _predict_whole(predictor, decode(path, predictor.reading), target)
        return
    with opened_raster(path) as raster, path.open("rb") as file:
        assert raster is not None
        digest = file_digest(file, "sha256").hexdigest() + raster.sources
        large(predictor, raster, looked.halo).predict(target.mask, digest, progress)


def unwritable(predictor: Segments, targets: dict[Path, Outputs], looked: Looked) -> list[WeaksegError]:
    """Errors for images with the same output file, and for what is not written by windows."""
    first, *_ = [*targets.values()] or [Outputs(Path(), None, None)]
    wanted = {
        "--probabilities": first.probabilities is not None,
        "--overlays": first.overlay is not None,
        "--crf": getattr(predictor, "crf", None) is not None,
    }
    asked, problems = [option for option, value in wanted.items() if value], _clashes([*targets])
    if asked and looked.windows:
        found = f"{' and '.join(asked)} with {next(iter(looked.windows))}, which is predicted by windows"
        fix = "leave it out, or cut the image into smaller ones"
        problems.append(DataInvalid(found, expected="masks alone", fix=fix))
    return problems


def _predict_whole(predictor: Segments, read: Decoded, target: Outputs) -> None:
    probs = predictor(read.image) if target.probabilities else None
    labels = predictor.labels(read.image) if probs is None else probs.argmax(0)
    prediction = predictor.prediction(read.image, voided(labels, read.empty))
    if target.probabilities and probs is not None:
        if read.empty is not None:
            probs[:, read.empty] = np.nan
        names, numbers = np.array(predictor.classes.names), np.array(predictor.numbers)
        # Half the file, and exact to a thousandth, which is more than a probability is worth.
        halves = probs.astype(np.float16)
        write_whole(target.probabilities, lambda part: _save_npz(part, halves, names, numbers))
    if target.overlay:
        drawn = Image.fromarray(prediction.overlay)
        write_whole(target.overlay, lambda part: drawn.save(part, format="JPEG", quality=92))
    # The mask is written last, so that an image with a mask has all its other files too.
    prediction.save(target.mask)


def _save_npz(path: Path, probabilities: np.ndarray, classes: np.ndarray, numbers: np.ndarray) -> None:
    # Given a path, numpy would append .npz to the temporary name.
    with path.open("wb") as file:
        np.savez_compressed(file, probabilities=probabilities, classes=classes, numbers=numbers)


def _clashes(paths: Sequence[Path]) -> list[WeaksegError]:
    """Errors for images with the same output file.

    Case is ignored, as some file systems do.
    """
    same = defaultdict(list)
    for path in paths:
        same[path.stem.casefold()].append(path)
    return [
        DataInvalid(
            f"the masks of {', '.join(map(str, group))} would all be written to {group[0].stem}.png",
            expected="images whose names differ before the extension",
            fix="predict them into different folders",
        )
        for group in same.values()
        if len(group) > 1
    ]


def existing(targets: Sequence[Outputs]) -> list[WeaksegError]:
    """Errors for output files that exist."""
    there = dict.fromkeys(str(file) for target in targets for file in target.files if lexists(file))
    if not there:
        return []
    fix = "name only the images without a mask, choose another --out, or move them away"
    return [DataInvalid(f"files exist already: {', '.join(there)}", fix=fix)]
