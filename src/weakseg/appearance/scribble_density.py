"""Density of colour and place around scribbled pixels."""

import numpy as np
from jaxtyping import Float32

from weakseg.compilation.compiled import compiled_fast
from weakseg.compilation.exponential import exponential_single

FAINTEST = 1e-30
"""Smallest density that is resolved; float32 ends at 1e-38."""


@compiled_fast
def log_density(
    colors: Float32[np.ndarray, "n M"],
    places: Float32[np.ndarray, "n P"],
    drawn_colors: Float32[np.ndarray, "M s"],
    drawn_places: Float32[np.ndarray, "P s"],
    widths: tuple[float, float],
    squares: Float32[np.ndarray, " s"],
    out: Float32[np.ndarray, " n"],
) -> None:
    """Log-density of one label up to a constant, equation `scribble-density`.

    It is a Gaussian for each scribbled pixel, of unit width in colour.

    In place its width is `spread` times the distance to the nearest scribbled pixel, and at least `smallest`: further
    away, all scribbled pixels count about alike.

    Args:
        colors: in units of the colour width.
        places: (row, column) or (slice, row, column), any unit.
        drawn_colors: of the label's scribbles.
        drawn_places: of the label's scribbles.
        widths: spread, and smallest in the unit of places; both above 0.
        squares: working memory; scribbled pixels lie side by side in all arrays, so that loops over them are
            vectorised.
        out: natural logarithms.
    """
    spread, smallest = widths
    drawn, axes = len(squares), places.shape[1]
    for i in range(len(colors)):
        # The width of a pixel's Gaussians depends on its nearest scribbled pixel, so distances are looked at twice; the
        # first pass keeps them.
        nearest = np.float32(np.inf)
        squares[:] = np.float32(0)
        for axis in range(2, axes):
            for j in range(drawn):
                away = places[i, axis] - drawn_places[axis, j]
                squares[j] += away * away
        for j in range(drawn):
            down, right = places[i, 0] - drawn_places[0, j], places[i, 1] - drawn_places[1, j]
            squares[j] += down * down + right * right
            nearest = min(nearest, squares[j])
        # Never 0, even on a scribbled pixel, because `smallest` is above 0.
        variance = np.float32(spread * spread * nearest + smallest * smallest)
        inverse = np.float32(1) / variance
        for j in range(drawn):
            squares[j] *= inverse
        for m in range(colors.shape[1]):
            for j in range(drawn):
                difference = colors[i, m] - drawn_colors[m, j]
                squares[j] += difference * difference
        total = np.float32(0)
        for j in range(drawn):
            total += exponential_single(np.float32(-0.5) * squares[j])
        # A Gaussian of unit mass: in two dimensions its peak is one over the variance, hence no root. Far from all
        # colours the sum underflows to 0, and the smallest density stands for it: fastmath allows no infinity.
        peak = variance if axes == 2 else variance * np.sqrt(variance)
        out[i] = np.log(total / (peak * np.float32(drawn)) + np.float32(FAINTEST))
