"""Masks as files encode them: run lengths and bitmaps."""

from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import Bool, Int

from weakseg.arrays.short_repr import brief
from weakseg.data.images.stored import header_of
from weakseg.errors import DataInvalid


@dataclass(frozen=True, eq=False)
class RowRuns:
    """Run lengths row by row, the first of them outside the mask."""

    counts: Int[np.ndarray, " N"]

    __repr__ = brief

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask."""
        return _filled(self.counts, height * width).reshape(height, width)


@dataclass(frozen=True, eq=False)
class ColumnRuns:
    """Run lengths column by column, the first of them outside the mask."""

    counts: Int[np.ndarray, " N"]

    __repr__ = brief

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask."""
        # COCO counts down the columns, as MATLAB stores arrays.
        return _filled(self.counts, height * width).reshape(width, height).T


@dataclass(frozen=True)
class Bitmap:
    """An image file whose pixels above a threshold are the mask.

    Transparency decides where there is any; otherwise brightness.
    """

    data: bytes
    threshold: int = 1
    """Least value of pixels inside, from 1 to 255."""

    def __repr__(self) -> str:
        return f"Bitmap({len(self.data)} bytes)"

    @classmethod
    def of_base64(cls, text: str, threshold: int = 1) -> "Bitmap":
        """The bitmap in base64 text, with or without the head of a data URL."""
        return cls(from_base64(text), threshold)

    def size(self) -> tuple[int, int]:
        """(height, width) in the header."""
        with _reported(), header_of(BytesIO(self.data)) as image:
            return image.height, image.width

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask."""
        if self.size() != (height, width):
            found = f"a bitmap {self.size()[1]} wide and {self.size()[0]} high"
            raise DataInvalid(found, expected=f"{width} by {height}")
        with _reported(), header_of(BytesIO(self.data)) as image:
            # Some tools paint white on transparent, others white on black; where there is transparency, it says what
            # was painted.
            clear = "A" in image.getbands() or "transparency" in image.info
            values = np.asarray(image.convert("RGBA").getchannel("A") if clear else image.convert("L"))
        return values >= self.threshold


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # damaged files make Pillow raise OSError, SyntaxError, ValueError, struct.error ...
        raise DataInvalid(f"a damaged bitmap: {error}") from error


def from_base64(text: str) -> bytes:
    """The bytes that base64 text stands for.

    Raises:
        DataInvalid: the text is damaged.
    """
    try:
        # Without `validate`, letters outside the alphabet are skipped in silence and the bytes after them are wrong.
        return b64decode(text.partition("base64,")[2] or text, validate=True)
    except (BadBase64, ValueError) as error:
        raise DataInvalid(f"damaged base64: {error}") from error


def run_lengths(mask: Bool[np.ndarray, " N"]) -> list[int]:
    """The run lengths of a flat mask, the first of them outside it."""
    ends = np.flatnonzero(np.diff(mask)) + 1
    runs = np.diff([0, *ends.tolist(), len(mask)]).tolist()
    return [0, *runs] if len(mask) and mask[0] else runs


def counts_of(numbers: Sequence[object]) -> Int[np.ndarray, " N"]:
    """Run lengths as an array.

    Raises:
        DataInvalid: one of them is no whole number, or is negative.
    """
    counts = np.array([int(number) for number in numbers], np.int64)  # pyright: ignore[reportArgumentType]
    if (counts < 0).any():
        raise DataInvalid("negative run lengths")
    return counts


def counts_of_text(text: str) -> Int[np.ndarray, " N"]:
    """Run lengths from COCO's compressed text.

    Each number is a few letters of five bits, the lowest first; from the fourth on it is the difference to the number
    two before it.

    Raises:
        DataInvalid: a letter is none of the code, or a number is cut off, too long or negative.
    """
    letters = np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int64) - 48
    last = letters & 32 == 0
    if ((letters < 0) | (letters > 63)).any() or not (len(letters) and last[-1]):
        raise DataInvalid("damaged run lengths")
    starts = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    digit = np.arange(len(letters)) - np.repeat(starts, np.diff(starts, append=len(letters)))
    # Eight digits of five bits hold any image; many more would overflow int64 below.
    if digit.max() > 7:
        raise DataInvalid("run lengths too long for an image")
    numbers = np.add.reduceat((letters & 31) << (5 * digit), starts)
    # Bit 16 of the highest letter is the sign.
    numbers -= np.where(letters[last] & 16, 1 << 5 * (digit[last] + 1), 0)
    for first in (1, 2):
        numbers[first::2] = np.cumsum(numbers[first::2])
    if (numbers < 0).any():
        raise DataInvalid("negative run lengths")
    return numbers


def _filled(counts: Int[np.ndarray, " N"], total: int) -> Bool[np.ndarray, " M"]:
    # Checked before anything is repeated: a run may claim to be 10^18 long, and sums may overflow.
    if (counts > total).any() or float(counts.sum(dtype=np.float64)) != total:
        raise DataInvalid(f"run lengths of {counts.sum(dtype=np.float64):.0f} pixels", expected=f"{total} pixels")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts)
