"""How well each pixel's colour and place agree with each label's scribbles."""

import numpy as np
from jaxtyping import Float32, Int

from weakseg.kernels.scribble_density import log_density

COLOR_WIDTH = 0.03
"""How much the colours of one thing vary, where black and white are 1 apart."""

SPREAD = 1.4
"""How far the colours of a scribble are believed, in distances to it."""

NEAREST = 0.003
"""Distance below which all is near, in shares of the picture's longer side."""

DRAWN_PIXELS = 100
"""Of each label's scribbles, evenly taken from all."""


def scribble_scores(
    colors: Float32[np.ndarray, "n M"], seeds: Int[np.ndarray, "H W"], labels: int
) -> Float32[np.ndarray, "K H W"]:
    """Log-densities of colour and place, equation 48.

    Args:
        colors: of each pixel, row by row, from `perceived`.
        seeds: labels from 0, each somewhere; `UNLABELED` elsewhere.
        labels: how many there are.
    """
    height, width = seeds.shape
    places = np.indices((height, width)).reshape(2, -1).T / max(height, width)
    colors, places = colors / np.float32(COLOR_WIDTH), np.ascontiguousarray(places, np.float32)
    scores = np.empty((labels, len(colors)), np.float32)
    for label, score in enumerate(scores):
        drawn = np.flatnonzero(seeds.ravel() == label)
        drawn = drawn[np.linspace(0, len(drawn) - 1, min(len(drawn), DRAWN_PIXELS)).astype(int)]
        log_density(
            colors, places, colors[drawn], places[drawn], SPREAD, NEAREST, np.empty(len(drawn), np.float32), score
        )
    return scores.reshape(labels, height, width)
