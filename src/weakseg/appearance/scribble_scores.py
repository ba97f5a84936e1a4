"""Agreement of pixels with scribbles in colour and place."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int

from weakseg.appearance.color import perceived
from weakseg.appearance.scribble_density import log_density

COLOR_WIDTH = 0.03
"""Standard deviation of colours within one object, where black and white are 1 apart."""

SPREAD = 1.4
"""Width in place, as a multiple of the distance to the nearest scribble."""

NEAREST = 0.003
"""Distance below which everything is near, as a fraction of the image's longer side."""

DRAWN_PIXELS = 100
"""Largest number of pixels taken from each label's scribbles, evenly."""

DRAWN_VOXELS = 400
"""The same in a volume, where scribbles lie on several slices."""


def scribble_scores(
    colors: Float32[np.ndarray, "n M"], seeds: Int[np.ndarray, "H W"], labels: int
) -> Float32[np.ndarray, "K H W"]:
    """Log-densities of colour and place, equation `scribble-density`.

    Args:
        colors: of each pixel, row by row, from `perceived`.
        seeds: labels from 0, each somewhere; `UNLABELED` elsewhere.
        labels: how many there are.
    """
    places = _places(seeds.shape)
    drawn = [evenly(np.flatnonzero(seeds.ravel() == label)) for label in range(labels)]
    scores = scores_at(colors, places, [(colors[at], places[at]) for at in drawn])
    return scores.reshape(labels, *seeds.shape)


def scores_on_cells(
    image: Float[np.ndarray, "M H W"],
    cells: Float[np.ndarray, "M h w"],
    seeds: Int[np.ndarray, "H W"],
    labels: Sequence[int],
) -> Float32[np.ndarray, "K h w"]:
    """Log-densities on a coarser grid with given colours.

    Scribbles keep the colours of their own pixels.
    """
    longer = max(seeds.shape)
    # Centres of cells in pixels of the image, where the centre of a pixel is an integer.
    rows, columns = ((np.arange(n) + 0.5) / n * side for n, side in zip(cells.shape[1:], seeds.shape, strict=True))
    places = np.stack(np.meshgrid(rows - 0.5, columns - 0.5, indexing="ij"), -1).reshape(-1, 2) / longer
    at = [evenly(np.flatnonzero(seeds.ravel() == label)) for label in labels]
    row, column = np.unravel_index(np.concatenate(at), seeds.shape)
    # All labels' colours at once: a call costs more than the few pixels of one label.
    drawn = perceived(image[:, row, column][:, None]), np.stack((row, column), 1) / longer
    own = zip(*(np.split(each, np.cumsum([len(one) for one in at])[:-1]) for each in drawn), strict=True)
    return scores_at(perceived(cells), places, list(own)).reshape(len(labels), *cells.shape[1:])


def scores_in_volume(
    volume: Float[np.ndarray, "M D H W"],
    cells: Float[np.ndarray, "M D h w"],
    seeds: Int[np.ndarray, "D H W"],
    labels: Sequence[int],
    slice_px: float,
) -> Float32[np.ndarray, "K D h w"]:
    """Log-densities on the cells of slices `slice_px` pixels apart.

    Distances count across slices too, so that a scribble speaks for the slices beside its own.
    """
    spacing = np.array([slice_px, 1.0, 1.0])
    longer = max(spacing * seeds.shape)
    sides = zip(cells.shape[1:], seeds.shape, strict=True)
    middles = [(np.arange(count) + 0.5) / count * side - 0.5 for count, side in sides]
    places = np.stack(np.meshgrid(*middles, indexing="ij"), -1).reshape(-1, 3) * (spacing / longer)
    drawn = []
    for label in labels:
        at = np.unravel_index(evenly(np.flatnonzero(seeds.ravel() == label), DRAWN_VOXELS), seeds.shape)
        drawn.append((perceived(volume[:, *at][:, None]), np.stack(at, 1) * (spacing / longer)))
    colors = perceived(cells.reshape(len(cells), -1, cells.shape[3]))
    return scores_at(colors, places, drawn).reshape(len(labels), *cells.shape[1:])


def scores_at(
    colors: Float32[np.ndarray, "n M"],
    places: Float[np.ndarray, "n P"],
    drawn: Sequence[tuple[Float32[np.ndarray, "_ M"], Float[np.ndarray, "_ P"]]],
) -> Float32[np.ndarray, "K n"]:
    """Log-densities of each label, from its scribbles."""
    colors, places = colors / np.float32(COLOR_WIDTH), np.ascontiguousarray(places, np.float32)
    scores = np.empty((len(drawn), len(colors)), np.float32)
    for score, (own_colors, own_places) in zip(scores, drawn, strict=True):
        room, own_places = np.empty(len(own_colors), np.float32), np.ascontiguousarray(own_places.T, np.float32)
        own = np.ascontiguousarray(own_colors.T / np.float32(COLOR_WIDTH))
        log_density(colors, places, own, own_places, (SPREAD, NEAREST), room, score)
    return scores


def _places(size: tuple[int, ...]) -> Float[np.ndarray, "n 2"]:
    """Row and column of pixels, over the longer side."""
    return np.indices(size).reshape(2, -1).T / max(size)


def evenly(drawn: Int[np.ndarray, " _"], most: int = DRAWN_PIXELS) -> Int[np.ndarray, " _"]:
    """At most so many of a label's pixels."""
    # In row order, so an even choice covers the whole scribble, and the same pixels are taken each time.
    return drawn[np.linspace(0, len(drawn) - 1, min(len(drawn), most)).astype(int)]
