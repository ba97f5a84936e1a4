"""Conversion of user input to the network's images.

It converts where only one meaning is possible, and refuses the rest.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped
from PIL import Image

from weakseg.arrays.kinds import REAL, WHOLE
from weakseg.arrays.unit_interval import refuse_outside
from weakseg.data.images.image_file import channels_of, decode
from weakseg.data.images.nodata import clear_in, emptied, opacity_of
from weakseg.data.images.stored import USUAL, Reading
from weakseg.data.images.value_range import Range, scaled
from weakseg.errors import DataInvalid, EvidenceInvalid

ImageLike = Any
"""A path, a Pillow image, a numpy array or a torch tensor; typed loosely, so that our own messages refuse the rest."""


def as_image(
    given: ImageLike, channels: int, reading: Reading = USUAL
) -> tuple[Float[np.ndarray, "M H W"], Bool[np.ndarray, "H W"] | None]:
    """One image as the network takes it, and its empty pixels.

    Values are float32 in [0, 1], with the channels that the network was trained on; empty pixels have no data.

    Values of 8 bits are divided by 255, and channels that come last are put first. A grey image may lack its channel
    axis, or have three equal channels.

    Args:
        given: the image.
        channels: the number of channels that the network was trained on.
        reading: how files are read; its range and its marks of pixels without data hold for integer arrays too.

    Raises:
        DataInvalid: it is no image, has another number of channels, or has values of unknown range.
    """
    if isinstance(given, (str, Path)):
        read = decode(Path(given), reading)
        return fitted(read.image, channels, str(given)), read.empty
    opened = isinstance(given, Image.Image)
    values = channels_of(given) if opened else np.moveaxis(_channels_first(_array(given), channels), 0, -1)
    empty = None
    # Floating point values are scaled already, so the file's number for "no data" means nothing there.
    if opened or values.dtype.kind in WHOLE:
        clear = clear_in(values, opacity_of(given) if opened else None)
        values, empty = emptied(values, clear, reading.nodata)
    return fitted(_scaled(np.moveaxis(values, -1, 0), reading.range), channels), empty


def fitted(image: Float[np.ndarray, "M H W"], channels: int, name: str = "the image") -> Float[np.ndarray, "N H W"]:
    """An image with the network's number of channels.

    Equal channels are one grey channel.

    Raises:
        DataInvalid: it has another number of channels.
    """
    # Viewers save grey images with three equal channels.
    if channels == 1 and len(image) > 1 and (image == image[:1]).all():
        return image[:1]
    require_channels(image, channels, name)
    return image


def require_channels(image: Float[np.ndarray, "M H W"], channels: int, name: str = "the image") -> None:
    """Raise `DataInvalid` unless the number of channels fits."""
    if image.shape[0] != channels:
        raise DataInvalid(
            f"{name} has {image.shape[0]} channels",
            expected=f"{channels}, as in the images the network was trained on",
            fix="convert the image, or train on images of this kind",
        )


def _array(given: ImageLike) -> Shaped[np.ndarray, "..."]:
    if isinstance(given, (np.ndarray, np.generic)) and given.dtype.kind in REAL:
        # Arrays from scientific files may be in another byte order, which torch refuses.
        return np.array(given, dtype=given.dtype.newbyteorder("="))
    # Where torch was never loaded nothing is a tensor, and it need not be installed.
    if (torch := sys.modules.get("torch")) is not None and isinstance(given, torch.Tensor):
        from weakseg.arrays.given import tensor_of

        try:
            return tensor_of(torch.as_tensor(given), "the image").detach().cpu().numpy()
        except EvidenceInvalid as error:
            raise _no_image(error.found) from error
    kind = f"an array of {given.dtype}" if isinstance(given, np.ndarray) else f"of type {type(given).__name__}"
    raise _no_image(f"the image is {kind}")


def _no_image(found: str) -> DataInvalid:
    return DataInvalid(found, expected="a path, a Pillow image, a numpy array or a torch tensor")


def _channels_first(values: Shaped[np.ndarray, "..."], channels: int) -> Shaped[np.ndarray, "M H W"]:
    if not values.size:
        raise DataInvalid(f"the image has shape {values.shape}", expected="at least one pixel and one channel")
    if values.ndim == 2:
        return values[None]
    # Channels last only where channels first cannot be meant.
    if values.ndim == 3 and values.shape[0] != channels and values.shape[2] in (channels, 3):
        return np.moveaxis(values, -1, 0)
    if values.ndim != 3:
        raise DataInvalid(
            f"the image has {values.ndim} axes, {values.shape}",
            expected="one image of (channels, height, width)",
            fix="predict the images of a batch one by one: [predictor.labels(image) for image in batch]",
        )
    return values


def _scaled(values: Shaped[np.ndarray, "M H W"], range: Range | None) -> Float[np.ndarray, "M H W"]:
    if values.dtype == np.uint8:
        return values.astype(np.float32) / np.float32(255)
    if values.dtype == bool:
        return values.astype(np.float32)
    if values.dtype.kind in WHOLE and range is not None:
        return scaled(np.moveaxis(values, 0, -1), range)
    if not np.issubdtype(values.dtype, np.floating):
        raise DataInvalid(
            f"the image has type {values.dtype}, and values from {values.min(initial=0)} to {values.max(initial=0)}",
            expected="floating point in [0, 1], or uint8",
            fix="divide it by the same number as in training (65535 for 16-bit files), or give the file's path",
        )
    if values.size:
        strange = int((~np.isfinite(values)).sum())
        try:
            refuse_outside(float(values.min()), float(values.max()), strange, "the image")
        except EvidenceInvalid as error:
            raise DataInvalid(error.found, expected=error.expected, fix=error.fix) from error
    return values.astype(np.float32, copy=False)
