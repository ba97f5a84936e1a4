"""Strokes to pixels: a pixel belongs to a stroke when its centre lies within half the pen's width of the curve."""

import numpy as np
from jaxtyping import Float, Int


def draw(
    canvas: Int[np.ndarray, "H W"], points: Float[np.ndarray, "N 2"], width_px: float, label: int
) -> Int[np.ndarray, "H W"]:
    """A copy of `canvas` with an open curve (or, from one point, a dot) drawn in `label`.

    Parts outside the canvas are dropped. A pen thinner than a pixel still marks the pixel nearest to each point.
    """
    canvas = canvas.copy()
    draw_into(canvas, points, width_px, label)
    return canvas


def draw_into(canvas: Int[np.ndarray, "H W"], points: Float[np.ndarray, "N 2"], width_px: float, label: int) -> None:
    """The same in place: a copy of a large canvas takes longer than a click on it."""
    reach = max(width_px / 2, 0.5)
    starts, stops = (points[:-1], points[1:]) if len(points) > 1 else (points, points)
    corners = np.clip(np.floor(np.minimum(starts, stops) - reach), 0, canvas.shape).astype(int).tolist()
    ends = np.clip(np.ceil(np.maximum(starts, stops) + reach) + 1, 0, canvas.shape).astype(int).tolist()
    pieces = zip(corners, ends, starts.tolist(), (stops - starts).tolist(), strict=True)
    for (top, left), (bottom, right), (row, column), (down, across) in pieces:
        rows, columns = np.arange(top, bottom)[:, None] - row, np.arange(left, right) - column
        # A piece without length, as of a click, would be 0 / 0.
        share = ((rows * down + columns * across) / max(down * down + across * across, 1e-12)).clip(0, 1)
        near = (rows - share * down) ** 2 + (columns - share * across) ** 2 <= reach * reach
        canvas[top:bottom, left:right][near] = label
    nearest = np.floor(points + 0.5).astype(int)
    nearest = nearest[((nearest >= 0) & (nearest < canvas.shape)).all(1)]
    canvas[nearest[:, 0], nearest[:, 1]] = label
