"""Compiled mean-field steps of a fully connected CRF.

Each step is one pass over the pixels.

For each pixel the messages of all kernels are gathered from the corners of all lattices, turned into probabilities,
and spread to the corners at once, for the next step: between steps nothing is kept at pixels.
Krähenbühl and Koltun 2011, algorithm 1.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from weakseg.compilation.compiled import compiled
from weakseg.compilation.simd import (
    LANES,
    add,
    exponential,
    highest,
    larger,
    load,
    multiply,
    multiply_add,
    spread,
    store,
    total,
)
from weakseg.lattice.coordinates import require_memory
from weakseg.lattice.permutohedral import Lattice
from weakseg.lattice.values import aligned_zeros, blur, padded, slice_, splat

_NEVER = -1e30
"""Score of the classes that only fill a vector register."""

_CHUNK = 64
"""Pixels that go through each stage of an update together; their values stay in the fastest cache."""


@dataclass(frozen=True, eq=False)
class Messages:
    """Message matrix of a CRF with Gaussian kernels.

    It is sum_m strength_m D_m^-1/2 K_m D_m^-1/2, of one or more kernels K_m.

    Corners of all lattices stand one below the other, each lattice with its row of zeros at the end.
    """

    corners: Int[np.ndarray, "N E"]
    weights: Float[np.ndarray, "N E"]
    """Weights of the corners, including the roots of strength and degree."""
    lattices: tuple[Lattice, ...]

    @property
    def rows(self) -> int:
        """Number of rows of all lattices together."""
        return sum(lattice.size + 1 for lattice in self.lattices)

    def parts(self, on_corners: Float[np.ndarray, "R P"]) -> list[Float[np.ndarray, "_ P"]]:
        """Views of each lattice's rows."""
        ends = np.cumsum([lattice.size + 1 for lattice in self.lattices])
        return np.split(on_corners, ends[:-1])


def messages(lattices: Sequence[Lattice], strengths: Sequence[float], threads: int = 1) -> Messages:
    """The message matrix of one lattice per kernel."""
    points, ends = len(lattices[0].corners), np.cumsum([lattice.corners.shape[1] for lattice in lattices])
    corners, weights = np.empty((points, ends[-1]), np.int32), np.empty((points, ends[-1]), np.float32)
    parts = zip(*(np.split(array, ends[:-1], axis=1) for array in (corners, weights)), strict=True)
    firsts = np.cumsum([0, *(lattice.size + 1 for lattice in lattices)])
    fill = lambda lattice, strength, first, part: _fill(  # noqa: E731
        lattice.corners, lattice.weights, _degrees(lattice), np.float32(strength), first, *part
    )
    with ThreadPoolExecutor(threads) as pool:
        _ = [*pool.map(fill, lattices, strengths, firsts, parts)]
    return Messages(corners, weights, tuple(lattices))


def _degrees(lattice: Lattice) -> Float[np.ndarray, "N 1"]:
    on_corners, room = (aligned_zeros(lattice.size + 1, LANES) for _ in range(2))
    ones = padded(np.ones((len(lattice.corners), 1), np.float32))
    splat(ones, lattice.corners, lattice.weights, on_corners)
    blur(on_corners, room, lattice.neighbours, False)
    return slice_(on_corners, lattice.corners, lattice.weights)[:, :1]


@compiled
def _fill(corners, weights, degrees, strength, first, all_corners, all_weights):
    """Fill one lattice's corners and weights.

    Its corners are numbered from `first`.
    """
    for point in range(len(corners)):
        scale = np.sqrt(strength / degrees[point, 0])
        for corner in range(corners.shape[1]):
            all_corners[point, corner] = corners[point, corner] + first
            all_weights[point, corner] = weights[point, corner] * scale


def parallel_steps(
    scores: Float[np.ndarray, "N C"], matrix: Messages, steps: int, threads: int = 1
) -> Float[np.ndarray, "N C"]:
    """Probabilities after some parallel updates, equation `parallel-step`.

    An update is q = softmax(scores + matrix q), of all pixels at once.

    Raises:
        EvidenceInvalid: so many classes on so many corners outgrow memory.
    """
    count, classes = scores.shape
    scores = padded(scores, _NEVER)
    require_memory(
        # Scores and probabilities of each pixel; on the corners, the incoming messages, room for the blur, and a sum
        # for each thread.
        4 * scores.shape[1] * (matrix.rows * (threads + 2) + 2 * count),
        f"{classes} classes on {matrix.rows} corners",
    )
    pixels = [slice(count * part // threads, count * (part + 1) // threads) for part in range(threads)]
    probs = aligned_zeros(*scores.shape)
    incoming, room, *sums = (aligned_zeros(matrix.rows, scores.shape[1]) for _ in range(threads + 2))
    smooth = lambda part, other, lattice: blur(part, other, lattice.neighbours, False)  # noqa: E731
    with ThreadPoolExecutor(threads) as pool:
        for step in range(steps + 1):
            # Step 0 gathers nothing: it is the softmax of the scores alone. So there are `steps + 1` passes for `steps`
            # updates.
            gathering, last = matrix.corners.shape[1] if step else 0, step == steps
            passes = [
                pool.submit(
                    _pass,
                    scores[part],
                    (matrix.corners[part], matrix.weights[part]),
                    gathering,
                    incoming,
                    own,
                    probs[part],
                    last,
                )
                for part, own in zip(pixels, sums, strict=True)
            ]
            for done in passes:
                done.result()
            # Each thread adds to corners of its own, for two threads may touch the same corner. They are summed in the
            # order of the threads, so a run repeats to the last bit with equally many.
            incoming[:] = sum(sums[1:], start=sums[0])
            for own in sums:
                own[:] = 0
            _ = [*pool.map(smooth, matrix.parts(incoming), matrix.parts(room), matrix.lattices)]
    return probs[:, :classes]


@compiled
def _pass(scores, joined, gathering, incoming, outgoing, probs, last):
    """One update of some pixels, `joined` to the corners of their cells by weights.

    It turns `incoming` messages into outgoing ones, or in the `last` step into probabilities.

    Pixels go in chunks through loops that do one thing each: a loop over pixels that did all would wait at each pixel
    for the results of one line before the next.
    """
    corners, weights = joined
    points, channels = scores.shape
    room = np.empty((_CHUNK, channels), np.float32)
    for start in range(0, points, _CHUNK):
        end = min(start + _CHUNK, points)
        values = room[: end - start]
        _add_messages(scores[start:end], corners[start:end], weights[start:end], gathering, incoming, values)
        _exponentials(values)
        _shares(values)
        if last:
            probs[start:end] = values
        else:
            splat(values, corners[start:end], weights[start:end], outgoing)


@compiled
def _add_messages(scores, corners, weights, gathering, incoming, values):
    """Scores plus the messages at each pixel's corners."""
    for point in range(len(scores)):
        for first in range(0, scores.shape[1], LANES):
            value = load(scores, point, first)
            for corner in range(gathering):
                told = load(incoming, corners[point, corner], first)
                value = multiply_add(spread(weights[point, corner]), told, value)
            store(values, point, first, value)


@compiled
def _exponentials(values):
    """Exponentials relative to each row's maximum."""
    for point in range(len(values)):
        # Without the maximum, exponentials overflow single precision from scores of 88 on. Padding is at -1e30 and
        # never the maximum.
        top = load(values, point, 0)
        for first in range(LANES, values.shape[1], LANES):
            top = larger(top, load(values, point, first))
        below = spread(-highest(top))
        for first in range(0, values.shape[1], LANES):
            store(values, point, first, exponential(add(load(values, point, first), below)))


@compiled
def _shares(values):
    """Rows divided by their sum."""
    for point in range(len(values)):
        summed = spread(0.0)
        for first in range(0, values.shape[1], LANES):
            summed = add(summed, load(values, point, first))
        share = spread(np.float32(1) / total(summed))
        for first in range(0, values.shape[1], LANES):
            store(values, point, first, multiply(share, load(values, point, first)))
