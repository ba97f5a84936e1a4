"""How likely a colour is at a place, from the colours of a few scribbled pixels and where they are."""

import numpy as np
from jaxtyping import Float32

from weakseg.compilation.compiled import compiled_fast
from weakseg.compilation.exponential import exponential

FAINTEST = 1e-30
"""Density below which nothing is told apart; float32 ends at 1e-38."""


@compiled_fast
def log_density(
    colors: Float32[np.ndarray, "n M"],
    places: Float32[np.ndarray, "n 2"],
    drawn_colors: Float32[np.ndarray, "M s"],
    drawn_places: Float32[np.ndarray, "2 s"],
    spread: float,
    smallest: float,
    squares: Float32[np.ndarray, " s"],
    out: Float32[np.ndarray, " n"],
) -> None:
    """Equation 48 for one label, its constant left out: a Gaussian for each drawn pixel, of unit width in colour.

    In place its width is `spread` times the distance to the nearest drawn pixel, and `smallest` at least: the further
    away, the more all that was drawn counts alike.

    Args:
        colors: in units of the colour width.
        places: (row, column), any unit.
        drawn_colors: of the label's scribbles.
        drawn_places: of the label's scribbles.
        spread: above 0.
        smallest: above 0, in the unit of places.
        squares: room; drawn pixels lie side by side in all arrays, so that loops over them are vectorised.
        out: natural logarithms.
    """
    drawn = len(squares)
    for i in range(len(colors)):
        nearest = np.float32(np.inf)
        for j in range(drawn):
            down, right = places[i, 0] - drawn_places[0, j], places[i, 1] - drawn_places[1, j]
            squares[j] = down * down + right * right
            nearest = min(nearest, squares[j])
        variance = np.float32(spread * spread * nearest + smallest * smallest)
        inverse = np.float32(1) / variance
        for j in range(drawn):
            squares[j] *= inverse
        for m in range(colors.shape[1]):
            for j in range(drawn):
                difference = colors[i, m] - drawn_colors[m, j]
                squares[j] += difference * difference
        total = 0.0
        for j in range(drawn):
            total += exponential(-0.5 * squares[j])
        out[i] = np.log(np.float32(total) / (variance * drawn) + np.float32(FAINTEST))
