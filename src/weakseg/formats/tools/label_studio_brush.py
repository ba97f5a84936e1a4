"""Label Studio's brushes: packed run lengths of the bytes of an image.

A stream of bits, the first of each byte its highest: 32 bits for the number of values, 5 for the bits of a value less
one, 4 for each of the four widths that a run's length may have, less one. Then runs: one bit that says whether a single
value is repeated, two that choose a width, the length less one, and the value or the values.
The values are the red, green, blue and opacity of each pixel, row by row.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from weakseg.errors import DataInvalid

_HEAD_BITS = 32 + 5 + 4 * 4
_VALUE_BITS = 8


@dataclass(frozen=True)
class BrushRuns:
    """Run lengths of a brush, with its soft edges.

    A pixel belongs to the brush if it is opaque by half: strokes are smoothed, and would grow by a pixel otherwise.
    """

    data: bytes

    def __repr__(self) -> str:
        return f"BrushRuns({len(self.data)} bytes)"

    def pixels(self, height: int, width: int) -> Bool[np.ndarray, "H W"]:
        """The mask."""
        total = height * width * 4
        starts, lengths, repeats = _runs(self.data, total)
        # Each value of a run that repeats none is a run of one.
        count = np.where(repeats, 1, lengths)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        values = _bytes_at(self.data, np.repeat(starts, count) + _VALUE_BITS * within)
        opacity = np.repeat(values, np.repeat(np.where(repeats, lengths, 1), count))[3::4]
        return (opacity >= 128).reshape(height, width)


def _runs(data: bytes, total: int) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """Of each run the bit where its values begin, its length, and whether its value is repeated.

    Raises:
        DataInvalid: the runs do not give exactly `total` values.
    """
    widths = _head(data, total)
    runs = list(_walk(data, widths, total))
    starts, lengths, repeats = np.array(runs, np.int64).reshape(-1, 3).T
    return starts, lengths, repeats.astype(bool)


def _head(data: bytes, total: int) -> list[int]:
    if len(data) * 8 < _HEAD_BITS:
        raise DataInvalid(f"a brush of {len(data)} bytes", expected="run lengths")
    bits = int.from_bytes(data[:7], "big") >> 7 * 8 - _HEAD_BITS
    count, value_bits = bits >> 21, (bits >> 16 & 31) + 1
    if value_bits != _VALUE_BITS or count != total:
        raise DataInvalid(f"a brush of {count:,} values", expected=f"{total:,}, four for each pixel of the image")
    return [(bits >> shift & 15) + 1 for shift in (12, 8, 4, 0)]


def _walk(data: bytes, widths: list[int], total: int) -> Iterator[tuple[int, int, int]]:
    padded, end, at = data + bytes(5), len(data) * 8, _HEAD_BITS
    while total > 0:
        # The 32 bits from here on: a run begins with 19 at most.
        window = int.from_bytes(padded[at >> 3 : (at >> 3) + 5], "big") >> 8 - (at & 7)
        repeats, width = window >> 31 & 1, widths[window >> 29 & 3]
        length = (window >> 29 - width & (1 << width) - 1) + 1
        at += 3 + width
        yield at, length, repeats
        at += _VALUE_BITS * (1 if repeats else length)
        total -= length
        if at > end or total < 0:
            raise DataInvalid("a brush with damaged run lengths", expected="runs that end with the image")


def _bytes_at(data: bytes, bits: Int[np.ndarray, " N"]) -> UInt8[np.ndarray, " N"]:
    """The eight bits from each place on."""
    stream = np.frombuffer(data + bytes(1), np.uint8).astype(np.uint16)
    pairs = stream[bits >> 3] << 8 | stream[(bits >> 3) + 1]
    return (pairs >> (8 - (bits & 7)).astype(np.uint16)).astype(np.uint8)
