"""Strokes drawn as pixels.

A pixel belongs to a stroke if its centre lies within half the pen's width of the curve.
"""

import numpy as np
from jaxtyping import Float, Int


def draw(
    canvas: Int[np.ndarray, "H W"], points: Float[np.ndarray, "N 2"], width_px: float, label: int
) -> Int[np.ndarray, "H W"]:
    """A copy of `canvas` with a curve drawn in `label`.

    The curve is open; a single point gives a dot. Parts outside the canvas are dropped. A pen thinner than a pixel
    still marks the pixel nearest to each point.
    """
    canvas = canvas.copy()
    draw_into(canvas, points, width_px, label)
    return canvas


def draw_into(canvas: Int[np.ndarray, "H W"], points: Float[np.ndarray, "N 2"], width_px: float, label: int) -> None:
    """Draw a curve in `label` on `canvas`, in place.

    A copy of a large canvas takes longer than a click on it.
    """
    # A pen thinner than a pixel could pass between all centres.
    reach = max(width_px / 2, 0.5)
    starts, stops = (points[:-1], points[1:]) if len(points) > 1 else (points, points)
    corners = np.clip(np.floor(np.minimum(starts, stops) - reach), 0, canvas.shape).astype(int).tolist()
    ends = np.clip(np.ceil(np.maximum(starts, stops) + reach) + 1, 0, canvas.shape).astype(int).tolist()
    pieces = zip(corners, ends, starts.tolist(), (stops - starts).tolist(), strict=True)
    for (top, left), (bottom, right), (row, column), (down, across) in pieces:
        rows, columns = np.arange(top, bottom)[:, None] - row, np.arange(left, right) - column
        # The maximum avoids 0 / 0 for a piece without length, such as a click.
        # The nearest place on the piece, as a fraction of it; clipped, so that ends are round.
        along = ((rows * down + columns * across) / max(down * down + across * across, 1e-12)).clip(0, 1)
        near = (rows - along * down) ** 2 + (columns - along * across) ** 2 <= reach * reach
        canvas[top:bottom, left:right][near] = label
    # At least the pixels of the vertices, also where rounding puts a centre just out of reach.
    nearest = np.floor(points + 0.5).astype(int)
    nearest = nearest[((nearest >= 0) & (nearest < canvas.shape)).all(1)]
    canvas[nearest[:, 0], nearest[:, 1]] = label
