"""How a checkpoint wants its images: what its `preprocessor_config.json` says, or what is usual in its family."""

from pathlib import Path
from typing import Any

import numpy as np

from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.weights import read_object

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
"""Moments of ImageNet's photographs, red, green and blue."""
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
"""Values from -1 to 1, as TensorFlow's networks take them."""
_LEAST = {"mean": -1e6, "std": 1e-6}
_MOST = 1e6
"""Beyond these nothing is left of an image in [0, 1], in single precision."""
_FACTORS = (1e-6, 1e3)
"""By which 0 to 255 may be multiplied; 1 / 255 is usual."""


def normalisation(folder: Path, model_type: str, channels: int) -> dict[str, tuple[float, ...]]:
    """`mean` and `std` of the checkpoint's own preprocessing, for images in [0, 1]; ImageNet's where it has none.

    Checkpoints speak of numbers from 0 to 255: where these are divided by something else than 255, or by nothing, that
    is put into both.

    Args:
        folder: of the checkpoint.
        model_type: its family.
        channels: that the network takes.

    Raises:
        NetworkUnavailable: the file says what cannot be.
    """
    file, stated = _preprocessing(folder)
    if not _switch(file, stated, "do_normalize", not model_type.startswith("mobilevit")):
        return _of_unit(file, stated, {"mean": (0.0,) * channels, "std": (1.0,) * channels})
    usual = HALF if model_type.startswith(("mobilenet", "beit", "data2vec", "dpt")) else IMAGENET
    return _of_unit(file, stated, {key: _moments(file, stated, key, channels) or usual[key] for key in ("mean", "std")})


def _of_unit(file: Path, stated: dict[str, Any], moments: dict[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    """Moments for images in [0, 1], of those for what the checkpoint's own scaling makes of 0 to 255."""
    if not _switch(file, stated, "do_rescale", True):
        factor, offset = 1.0, 0.0
    else:
        factor = stated.get("rescale_factor", 1 / 255)
        if type(factor) not in (int, float) or not _FACTORS[0] <= factor <= _FACTORS[1]:
            raise _wrong(file, "rescale_factor", factor, f"a number from {_FACTORS[0]:g} to {_FACTORS[1]:g}")
        # EfficientNet's shifts by 1, to [-1, 1].
        offset = 1.0 if _switch(file, stated, "rescale_offset", False) else 0.0
    white = 255 * factor
    # 1 / 255, as files have it, is 1 / 255 but for rounding.
    white = 1.0 if abs(white - 1) < 1e-6 else white
    mean, std = (np.array(moments[key]) for key in ("mean", "std"))
    return {"mean": tuple(((mean + offset) / white).tolist()), "std": tuple((std / white).tolist())}


def blue_first(folder: Path, model_type: str) -> bool:
    """Whether the first convolution expects blue, green, red, as MobileViT's does.

    Raises:
        NetworkUnavailable: the file says what cannot be.
    """
    file, stated = _preprocessing(folder)
    return _switch(file, stated, "do_flip_channel_order", model_type.startswith("mobilevit"))


def _preprocessing(folder: Path) -> tuple[Path, dict[str, Any]]:
    file = folder / "preprocessor_config.json"
    return file, read_object(file) if file.is_file() else {}


def _switch(file: Path, stated: dict[str, Any], key: str, usual: bool) -> bool:
    value = stated.get(key, usual)
    if value is not None and not isinstance(value, bool):
        raise _wrong(file, key, value, "true or false")
    return bool(value)


def _moments(file: Path, stated: dict[str, Any], key: str, channels: int) -> tuple[float, ...] | None:
    """One number a channel; `None` where the file says nothing."""
    values, least = stated.get(f"image_{key}"), _LEAST[key]
    if values is None:
        return None
    numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    # What is no number at all is not between two either.
    if not numbers or len(values) != channels or not all(least <= value <= _MOST for value in values):
        raise _wrong(file, f"image_{key}", values, f"{channels} numbers from {least:g} to {_MOST:g}, one a channel")
    return tuple(float(value) for value in values)


def _wrong(file: Path, key: str, value: object, expected: str) -> NetworkUnavailable:
    return NetworkUnavailable(
        f"{file}: {key} is {value!r:.100}",
        expected=expected,
        fix="fetch the file again, or take this setting out: then what is usual in the network's family is taken",
    )
