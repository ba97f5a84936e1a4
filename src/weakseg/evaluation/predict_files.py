"""Prediction of image files to mask files."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from weakseg.classes import Classes
from weakseg.data.check.ranges import Group, groups_of
from weakseg.data.images.image_file import EXTENSIONS, Decoded, decode
from weakseg.data.images.nodata import voided
from weakseg.data.images.stored import Reading
from weakseg.data.images.value_range import Held, written
from weakseg.errors import DataInvalid, WeaksegError, WriteRefused
from weakseg.evaluation.image_input import ImageLike, fitted
from weakseg.evaluation.prediction import Prediction
from weakseg.files.paths import require_folder
from weakseg.files.whole_file import write_whole


@runtime_checkable
class Segments(Protocol):
    """A trained network as a function of an image.

    It is a `Predictor`, or an `OnnxPredictor` where torch is not installed.
    """

    @property
    def classes(self) -> Classes:
        """The classes that it tells apart."""
        ...

    @property
    def channels(self) -> int:
        """The number of image channels."""
        ...

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each class in masks."""
        ...

    @property
    def void(self) -> int:
        """The number in masks where an image has no data."""
        ...

    @property
    def reading(self) -> Reading:
        """How files are read."""
        ...

    def __call__(self, image: ImageLike) -> Float[np.ndarray, "C H W"]:
        """The probability of each class at each pixel."""
        ...

    def labels(self, image: ImageLike) -> Int[np.ndarray, "H W"]:
        """The most probable class at each pixel."""
        ...

    def prediction(self, image: Float[np.ndarray, "M H W"], labels: Int[np.ndarray, "H W"]) -> Prediction:
        """An image with labels that are already known."""
        ...


@dataclass(frozen=True)
class _Targets:
    """Output files of one image; `None` for unwanted ones."""

    mask: Path
    probabilities: Path | None
    overlay: Path | None

    @property
    def files(self) -> list[Path]:
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

    Masks are `out/<stem>.png`, in the training's own numbers; their paths are returned.

    Where an image has no data, the mask holds the number of void, probabilities are nan, and the overlay has no class.

    Args:
        predictor: the trained network.
        paths: image files of any size.
        out: the output folder, which is made where it is missing.
        probabilities: also write `out/probabilities/<stem>.npz`, with float16 `probabilities` (C, H, W), `classes` and
            the `numbers` that masks hold for them.
        overlays: also write `out/overlays/<stem>.jpg`, the mask drawn on the image.
        progress: called with the number of images done, and of all images.
        warn: called, before anything is predicted, with a message on images so dim that their masks may be wrong.

    Raises:
        DataInvalid: images cannot be read or do not fit the network, two of them share a name, or an output file
            exists, or `out` is no folder. The message has all problems, and nothing has been written.
    """
    require_folder(out)
    # All names, all files and all headers are looked at before the first prediction: an error after an hour would leave
    # half of the masks.
    targets = [_targets(path, out, probabilities, overlays) for path in paths]
    unusable, strange = _looked_at(predictor, paths)
    if problems := [*_clashes(paths), *_existing(targets), *unusable]:
        raise DataInvalid.of(problems)
    for each in strange:
        warn(each)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteRefused(f"{out} cannot be made: {error.strerror or error}", fix="choose another --out") from error
    for done, (path, target) in enumerate(zip(paths, targets, strict=True), start=1):
        _predict_file(predictor, decode(path, predictor.reading), target)
        progress(done, len(paths))
    return [target.mask for target in targets]


def _targets(path: Path, out: Path, probabilities: bool, overlays: bool) -> _Targets:
    return _Targets(
        mask=out / f"{path.stem}.png",
        probabilities=out / "probabilities" / f"{path.stem}.npz" if probabilities else None,
        overlay=out / "overlays" / f"{path.stem}.jpg" if overlays else None,
    )


def _predict_file(predictor: Segments, read: Decoded, target: _Targets) -> None:
    probs = predictor(read.image) if target.probabilities else None
    labels = predictor.labels(read.image) if probs is None else probs.argmax(0)
    prediction = predictor.prediction(read.image, voided(labels, read.empty))
    # Another command may predict into the same folder.
    if taken := _existing([target]):
        raise DataInvalid.of(taken)
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


def _existing(targets: list[_Targets]) -> list[WeaksegError]:
    there = dict.fromkeys(str(file) for target in targets for file in target.files if lexists(file))
    if not there:
        return []
    return [DataInvalid(f"files exist already: {', '.join(there)}", fix="choose another --out, or move them away")]


def _looked_at(predictor: Segments, paths: Sequence[Path]) -> tuple[list[WeaksegError], list[str]]:
    """Errors and warnings about image files."""
    problems: list[WeaksegError] = []
    held: dict[str, Held | None] = {}
    for path in paths:
        if path.is_dir():
            problems.append(_is_folder(path))
            continue
        try:
            read = decode(path, predictor.reading)
            held[str(path)] = read.held
            fitted(read.image, predictor.channels, str(path))
        except WeaksegError as problem:
            problems.append(problem)
    return problems, [_advice(group) for group in groups_of(held, predictor.reading.range) if group.strange]


def _is_folder(path: Path) -> DataInvalid:
    """The error for a folder, with the images in it."""
    folder = path / "images" if (path / "images").is_dir() else path
    endings = Counter(file.suffix for file in folder.iterdir() if file.suffix.lower() in EXTENSIONS)
    if not endings:
        return DataInvalid(f"{path} is a folder without images", expected="image files")
    names = " ".join(f"{shlex.quote(str(folder))}/*{ending}" for ending in endings)
    found = f"{path} is a folder ({sum(endings.values())} images)"
    return DataInvalid(found, expected="image files", fix=f"name them: {names} in place of {shlex.quote(str(path))}")


def _advice(group: Group) -> str:
    """A warning about values unlike those of the training."""
    if group.declared:
        fix = "check that these images come from the same camera as the training's, with the same kind of values"
        return f"{group.strange}, which the training declared\nto do: {fix}"
    low, high = group.fitting
    return (
        f"{group.strange}; the training's images declare no range\nto do: if those have such values too, write"
        f" `{written(group.fitting)}` into their dataset.toml and train again; otherwise convert these images to"
        f" `((values - {low}) / ({high} - {low})).clip(0, 1).astype(numpy.float32)`"
    )
