"""A network in an ONNX file as a function of an image.

It needs onnxruntime and no torch, and gives what the run it was exported from gives.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from weakseg.arrays.short_repr import brief
from weakseg.classes import Classes
from weakseg.data.images.nodata import voided
from weakseg.data.images.stored import USUAL, Reading
from weakseg.errors import EvidenceInvalid, RecipeInvalid, RunInvalid
from weakseg.evaluation.image_input import ImageLike, as_image
from weakseg.evaluation.prediction import Prediction
from weakseg.evaluation.tiles import Tiles
from weakseg.files.regular_file import read_bytes
from weakseg.formats.extras import needed

KEY = "weakseg"
"""Name of the entry of the file's metadata that holds `Described`, as JSON."""
FORMAT = 1
_LARGEST = 2**31
"""Most bytes of an ONNX file."""


@dataclass(frozen=True)
class Described:
    """What must be known of a network to segment files with it."""

    classes: Classes
    channels: int
    numbers: tuple[int, ...]
    """The number of each class in masks."""
    void: int
    """The number in masks where an image has no data."""
    reading: Reading = USUAL
    """How files are read."""
    tile_px: int = 1024
    """The side of a tile in pixels; an image of up to its square is segmented whole."""
    multiple: int = 32
    """The number that corners of tiles divide by."""

    def as_json(self) -> str:
        """The text that `described` reads."""
        return json.dumps({"format": FORMAT, **asdict(self)})


def described(text: str) -> Described:
    """The description in a file's metadata.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is damaged.
    """
    held = json.loads(text)
    if held.pop("format") != FORMAT:
        raise ValueError("it has the format of a later version of weakseg")
    classes, reading = held.pop("classes"), held.pop("reading")
    numbers, names = held.pop("numbers"), tuple(str(name) for name in classes["names"])
    whole = {name: held[name] for name in ("channels", "void", "tile_px", "multiple")}
    # `type` and not `isinstance`: true and false are whole numbers to Python.
    if not all(type(number) is int and 0 < number <= 65535 or number == whole["void"] for number in whole.values()):
        raise ValueError(f"its numbers are {whole}")
    if len(numbers) != len(names) or not names or not all(type(number) is int for number in numbers):
        raise ValueError("it has other classes than numbers")
    values = reading["range"]
    return Described(
        classes=Classes(names, classes["background"], tuple(classes["unscored"])),
        numbers=tuple(numbers),
        reading=Reading(bool(reading["upright"]), values and (values[0], values[1]), str(reading["nodata"])),
        **whole,
    )


@dataclass(frozen=True)
class OnnxPredictor:
    """A function from images to class probabilities.

    It takes what a `Predictor` takes, and cuts large images into the same tiles.
    """

    session: Any
    """The `onnxruntime.InferenceSession`."""
    network: Described
    digest: str = ""
    """That of the file."""

    __repr__ = brief

    @property
    def classes(self) -> Classes:
        """The classes that it tells apart."""
        return self.network.classes

    @property
    def channels(self) -> int:
        """The number of image channels."""
        return self.network.channels

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each class in masks."""
        return self.network.numbers

    @property
    def void(self) -> int:
        """The number in masks where an image has no data."""
        return self.network.void

    @property
    def reading(self) -> Reading:
        """How files are read."""
        return self.network.reading

    @property
    def window_px(self) -> int:
        """The side of a tile in pixels."""
        return self.network.tile_px

    @property
    def multiple(self) -> int:
        """The number that corners of tiles divide by."""
        return self.network.multiple

    def __call__(self, image: ImageLike) -> Float[np.ndarray, "C H W"]:
        """The probability of each class at each pixel.

        Raises:
            DataInvalid: it is no image, or has another number of channels.
            EvidenceInvalid: the network gave nan.
        """
        image, _ = as_image(image, self.channels, self.reading)
        return np.concatenate(list(self._bands(image)), axis=1)

    def labels(self, image: ImageLike) -> Int[np.ndarray, "H W"]:
        """The most probable class at each pixel.

        It is `UNLABELED` where a file has no data.
        """
        image, empty = as_image(image, self.channels, self.reading)
        return voided(np.concatenate([band.argmax(0) for band in self._bands(image)]), empty)

    def predict(self, image: ImageLike) -> Prediction:
        """The image with its predicted labels."""
        image, empty = as_image(image, self.channels, self.reading)
        return self.prediction(image, voided(self.labels(image), empty))

    def prediction(self, image: Float[np.ndarray, "M H W"], labels: Int[np.ndarray, "H W"]) -> Prediction:
        """An image with labels that are already known."""
        return Prediction(image, labels, self.classes, self.numbers, self.void)

    def logits(self, images: Float[np.ndarray, "B M H W"]) -> Float[np.ndarray, "B C H W"]:
        """The graph's own output."""
        (logits,) = self.session.run(None, {"image": np.ascontiguousarray(images, np.float32)})
        if logits.shape[1] != len(self.classes) or not np.isfinite(logits).all():
            raise EvidenceInvalid(
                f"the network gave {logits.shape[1]} classes, and {(~np.isfinite(logits)).sum()} non-finite values",
                expected=f"{len(self.classes)} classes, all finite",
                fix="export the run again",
            )
        return logits

    def _bands(self, image: Float[np.ndarray, "M H W"]) -> Iterator[Float[np.ndarray, "C _ W"]]:
        tiles = Tiles(self.network.tile_px, self.network.multiple, len(self.classes))
        return tiles.bands(image, self.in_one_piece)

    def in_one_piece(self, image: Float[np.ndarray, "M H W"]) -> Float[np.ndarray, "C H W"]:
        """The probabilities of an image that is not cut into tiles."""
        return _softmax(self.logits(image[None])[0])


def _softmax(logits: Float[np.ndarray, "C H W"]) -> Float[np.ndarray, "C H W"]:
    # Relative to the largest, as torch does: the exponential of a logit of 90 overflows.
    shares = np.exp(logits - logits.max(0))
    return shares / shares.sum(0)


def open_onnx(path: Path, device: str | None = None) -> OnnxPredictor:
    """The network in a file that `weakseg export --onnx` wrote.

    The file is a graph of known operations: nothing in it is executed, and no other file is read.

    Args:
        path: the file.
        device: `cpu`, or `cuda` where onnxruntime-gpu is installed; `None` is the CPU.

    Raises:
        RunInvalid: it is no such file, or is damaged.
        RecipeInvalid: onnxruntime has no such device.
        DataInvalid: onnxruntime is not installed.
    """
    content = read_bytes(path, RunInvalid, _LARGEST)
    runtime = needed("onnxruntime", "onnx", str(path))
    session, network = session_of(content, path, runtime, _provider(runtime, device or "cpu"))
    return OnnxPredictor(session, network, hashlib.sha256(content).hexdigest()[:32])


def session_of(content: bytes, path: Path, runtime: Any, provider: str) -> tuple[Any, Described]:
    """A session for the bytes of a file, and its description."""
    options = runtime.SessionOptions()
    # Its own warnings go to stderr past Python and would stand between our messages.
    options.log_severity_level = 4
    options.intra_op_num_threads = _threads()
    try:
        session = runtime.InferenceSession(content, options, providers=[provider])
        found = described(session.get_modelmeta().custom_metadata_map[KEY])
    # A damaged file makes onnxruntime raise errors of its own, of many kinds.
    except Exception as error:
        why = f"no entry {KEY}" if isinstance(error, KeyError) else str(error).strip().splitlines()[-1][:200]
        raise RunInvalid(
            f"{path} cannot be opened: {why}",
            expected="an ONNX file that weakseg export wrote, or a run folder",
            fix="export the run again: weakseg export RUN --onnx FILE",
        ) from error
    return session, found


def _threads() -> int:
    """As many as torch would use; 0 is one for each core."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() else 0


def _provider(runtime: Any, device: str) -> str:
    providers = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
    if providers.get(device) not in runtime.get_available_providers():
        raise RecipeInvalid(
            f"device {device!r} cannot be used for an ONNX file here",
            expected="cpu, or cuda with onnxruntime-gpu",
            fix="leave --device out",
        )
    return providers[device]
