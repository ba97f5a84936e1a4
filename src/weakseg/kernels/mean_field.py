"""Mean-field steps of a fully connected CRF, in one pass over the pixels a step.

For each pixel the messages of all kernels are gathered from the corners of all lattices, turned into probabilities, and
spread to the corners at once, for the next step: between steps nothing is kept at pixels. Krähenbühl and Koltun 2011, algorithm 1.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from weakseg.kernels.compiled import compiled
from weakseg.kernels.lanes import (
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
from weakseg.kernels.permutohedral import Lattice, blur, padded, slice_, splat

_NEVER = -1e30
"""Score of the classes that only fill a vector register."""


@dataclass(frozen=True, eq=False)
class Messages:
    """The matrix of a CRF's messages, sum_m strength_m D_m^-1/2 K_m D_m^-1/2, of one or more Gaussian kernels K_m.

    Corners of all lattices stand one below the other, each lattice with its row of zeros at the end.
    """

    corners: Int[np.ndarray, "N E"]
    weights: Float[np.ndarray, "N E"]
    """Roots of strength and degree are part of them."""
    lattices: tuple[Lattice, ...]

    @property
    def rows(self) -> int:
        """Rows of all lattices together."""
        return sum(lattice.size + 1 for lattice in self.lattices)

    def blur_into(self, on_corners: Float[np.ndarray, "R P"], room: Float[np.ndarray, "R P"]) -> None:
        """Smooth each lattice's rows, in one order of axes."""
        start = 0
        for lattice in self.lattices:
            stop = start + lattice.size + 1
            blur(on_corners[start:stop], room[start:stop], lattice.neighbours, False)
            start = stop


def messages(lattices: Sequence[Lattice], strengths: Sequence[float]) -> Messages:
    """What pixels tell each other, from one lattice and one strength a kernel."""
    corners, weights, start = [], [], 0
    for lattice, strength in zip(lattices, strengths, strict=True):
        root = np.sqrt(np.float32(strength) / _degrees(lattice))
        corners.append(lattice.corners + np.int32(start))
        weights.append(lattice.weights * root)
        start += lattice.size + 1
    return Messages(np.concatenate(corners, 1), np.concatenate(weights, 1), tuple(lattices))


def _degrees(lattice: Lattice) -> Float[np.ndarray, "N 1"]:
    ones = np.ones((len(lattice.corners), LANES), np.float32)
    on_corners = splat(ones, lattice.corners, lattice.weights, lattice.size)
    blur(on_corners, np.zeros_like(on_corners), lattice.neighbours, False)
    return slice_(on_corners, lattice.corners, lattice.weights)[:, :1]


def parallel_steps(
    scores: Float[np.ndarray, "N C"], matrix: Messages, steps: int, threads: int = 1
) -> Float[np.ndarray, "N C"]:
    """Probabilities after that many updates q = softmax(scores + matrix q) of all pixels at once, equation 57."""
    count, classes = scores.shape
    scores = padded(scores, _NEVER)
    shares = [slice(count * part // threads, count * (part + 1) // threads) for part in range(threads)]
    probs = np.empty_like(scores)
    spreads = [np.zeros((matrix.rows, scores.shape[1]), np.float32) for _ in shares]
    incoming, room = np.zeros_like(spreads[0]), np.zeros_like(spreads[0])
    with ThreadPoolExecutor(threads) as pool:
        for step in range(steps + 1):
            gathering = matrix.corners.shape[1] if step else 0
            last = step == steps

            def work(part: slice, out: Float[np.ndarray, "R P"], gathering: int = gathering, last: bool = last) -> None:
                _pass(
                    scores[part],
                    matrix.corners[part],
                    matrix.weights[part],
                    gathering,
                    incoming,
                    out,
                    probs[part],
                    last,
                )

            [*pool.map(work, shares, spreads)]
            incoming, spreads[0] = spreads[0], incoming
            for other in spreads[1:]:
                incoming += other
                other[:] = 0
            spreads[0][:] = 0
            matrix.blur_into(incoming, room)
    return probs[:, :classes]


@compiled
def _pass(scores, corners, weights, gathering, incoming, outgoing, probs, last):
    """One update of some pixels: from `incoming` messages to what goes out, or in the `last` step to probabilities."""
    points, channels = scores.shape
    values = np.empty((1, channels), np.float32)
    for point in range(points):
        top = spread(-3e38)
        for first in range(0, channels, LANES):
            value = load(scores, point, first)
            for corner in range(gathering):
                told = load(incoming, corners[point, corner], first)
                value = multiply_add(spread(weights[point, corner]), told, value)
            store(values, 0, first, value)
            top = larger(top, value)
        below = spread(-highest(top))
        summed = spread(0.0)
        for first in range(0, channels, LANES):
            value = exponential(add(load(values, 0, first), below))
            store(values, 0, first, value)
            summed = add(summed, value)
        share = spread(np.float32(1) / total(summed))
        for first in range(0, channels, LANES):
            prob = multiply(share, load(values, 0, first))
            if last:
                store(probs, point, first, prob)
                continue
            for corner in range(corners.shape[1]):
                row = corners[point, corner]
                told = multiply_add(spread(weights[point, corner]), prob, load(outgoing, row, first))
                store(outgoing, row, first, told)
