"""The protocol of images that are read by windows, so that memory does not depend on their size."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

LARGE = 1 << 24
"""Pixels above which an image is read by windows."""


class Window(NamedTuple):
    """A rectangle of pixels."""

    top: int
    left: int
    height: int
    width: int


class Stored(NamedTuple):
    """The pixels of a window, as they are stored."""

    values: Shaped[np.ndarray, "H W M"]
    """The channels, without transparency."""
    opacity: Shaped[np.ndarray, "H W 1"] | None
    """`None` if the file has no transparency."""


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a file lie in the world, in the words of its TIFF tags, which are copied unchanged."""

    tags: tuple[tuple[int, int, int, Any], ...] = ()
    """Code, type, count and value of each GeoTIFF tag."""
    resolution: tuple[Any, Any, int] | None = None
    """Pixels per unit along width and height, and the unit: 1 none, 2 an inch, 3 a centimetre."""

    @property
    def is_placed(self) -> bool:
        """Whether the file says where its pixels lie."""
        return any(code in (33550, 33922, 34264) for code, *_ in self.tags)

    @property
    def has_system(self) -> bool:
        """Whether the file names the coordinate system of these places."""
        keys = next((value for code, _, _, value in self.tags if code == 34735), ())
        # Keys come in fours; these are of geographic, projected and user-defined systems.
        return any(key in (2048, 2049, 3072, 3073, 1026) for key in keys[4::4])


@runtime_checkable
class Raster(Protocol):
    """An image that is read by windows."""

    @property
    def name(self) -> str:
        """The file, for messages."""
        ...

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """Height and width of the image, and then of its smaller copies."""
        ...

    @property
    def channels(self) -> int:
        """The number of channels, without transparency."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """The type of the stored values."""
        ...

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""
        ...

    @property
    def sources(self) -> str:
        """Sizes and times of other files that it reads; empty if there are none."""
        ...

    @property
    def nodata(self) -> str:
        """The number that the file itself declares for pixels without data; empty if there is none."""
        ...

    def read(self, window: Window, level: int = 0) -> Stored:
        """The pixels of a window, which lies inside the level.

        Raises:
            DataInvalid: the pixels cannot be decoded; the message names the tile.
        """
        ...
