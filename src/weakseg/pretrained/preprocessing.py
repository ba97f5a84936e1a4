"""Preprocessing that a checkpoint expects of its images.

It is stated in `preprocessor_config.json`; otherwise that of its family is used.
"""

from pathlib import Path
from typing import Any

import numpy as np

from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.weights import read_object

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
"""Mean and standard deviation of ImageNet's photographs, red, green and blue."""
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
"""Moments that give values from -1 to 1, as TensorFlow's networks take them."""
_LEAST = {"mean": -1e6, "std": 1e-6}
_MOST = 1e6
"""Limits beyond which nothing is left of an image in [0, 1], in single precision."""
_FACTORS = (1e-6, 1e3)
"""Limits of the factor that 0 to 255 is multiplied by; 1 / 255 is usual."""


def normalisation(folder: Path, model_type: str, channels: int) -> dict[str, tuple[float, ...]]:
    """`mean` and `std` for images in [0, 1].

    They are those of the checkpoint's own preprocessing, or its family's where it has none.

    Checkpoints state moments for values that are scaled from 0 to 255 first: where the scale is not 1 / 255, it is
    included in both.

    Args:
        folder: the checkpoint's folder.
        model_type: the network's family.
        channels: the number of channels that the network takes.

    Raises:
        NetworkUnavailable: the file has impossible values.
    """
    file, stated = _preprocessing(folder)
    if not _switch(file, stated, "do_normalize", not model_type.startswith("mobilevit")):
        return _of_unit(file, stated, {"mean": (0.0,) * channels, "std": (1.0,) * channels})
    usual = HALF if model_type.startswith(("mobilenet", "beit", "data2vec", "dpt")) else IMAGENET
    return _of_unit(file, stated, {key: _moments(file, stated, key, channels) or usual[key] for key in ("mean", "std")})


def _of_unit(file: Path, stated: dict[str, Any], moments: dict[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    """Moments for images in [0, 1].

    They are made of those for the checkpoint's own scaling of 0 to 255.
    """
    if not _switch(file, stated, "do_rescale", True):
        factor, offset = 1.0, 0.0
    else:
        factor = stated.get("rescale_factor", 1 / 255)
        if type(factor) not in (int, float) or not _FACTORS[0] <= factor <= _FACTORS[1]:
            raise _wrong(file, "rescale_factor", factor, f"a number from {_FACTORS[0]:g} to {_FACTORS[1]:g}")
        # EfficientNet shifts by 1, to [-1, 1].
        offset = 1.0 if _switch(file, stated, "rescale_offset", False) else 0.0
    white = 255 * factor
    # Files have 1 / 255 rounded to some decimals.
    white = 1.0 if abs(white - 1) < 1e-6 else white
    mean, std = (np.array(moments[key]) for key in ("mean", "std"))
    return {"mean": tuple(((mean + offset) / white).tolist()), "std": tuple((std / white).tolist())}


def blue_first(folder: Path, model_type: str) -> bool:
    """Whether the first convolution expects blue, green, red.

    MobileViT's does.

    Raises:
        NetworkUnavailable: the file has impossible values.
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
    """One number per channel; `None` where none is stated."""
    values, least = stated.get(f"image_{key}"), _LEAST[key]
    if values is None:
        return None
    numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    # The chained comparison is false for nan too.
    if not numbers or len(values) != channels or not all(least <= value <= _MOST for value in values):
        raise _wrong(file, f"image_{key}", values, f"{channels} numbers from {least:g} to {_MOST:g}, one per channel")
    return tuple(float(value) for value in values)


def _wrong(file: Path, key: str, value: object, expected: str) -> NetworkUnavailable:
    return NetworkUnavailable(
        f"{file}: {key} is {value!r:.100}",
        expected=expected,
        fix="fetch the file again, or remove this setting, for which the network's family then has a default",
    )
