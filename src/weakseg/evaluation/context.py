"""How far a network looks, measured: the halo that windows of large images need."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_SAME = 1e-5
"""Probabilities that differ by less are the same."""
_MATTERS = 0.05


@dataclass(frozen=True)
class Context:
    """What of its surroundings a network uses."""

    halo: int
    """Pixels around a block that the network is shown: all that it uses, or the most that are shown."""
    change: float
    """The largest change of a probability if all beyond the halo is black; 0 if the network does not look there."""

    @property
    def remark(self) -> str:
        """A sentence on a network that looks beyond the halo; empty for others."""
        if self.change < _MATTERS:
            return ""
        return (
            f"the network looks further than the {self.halo} pixels around a window (attention, pooling over the image,"
            f" normalisation of groups or an image-level prior do): probabilities changed by up to {self.change:.2f}"
            " where all beyond was black, so labels of large images depend on where windows lie"
        )


def context_of(
    probabilities: Callable[[Float[np.ndarray, "M H W"]], Float[np.ndarray, "C H W"]],
    channels: int,
    multiple: int,
    most: int,
) -> Context:
    """The context that a network uses, up to `most` pixels.

    Noise is shown, and what is further from its middle than the halo made black: where the middle stays the same the
    halo is enough.

    Args:
        probabilities: the network.
        channels: the number of image channels.
        multiple: the halo is a multiple of it.
        most: the largest halo.
    """
    steps = max(most // multiple, 1)
    middle = (steps + 1) * multiple
    noise = np.random.default_rng(0).random((channels, 2 * middle + multiple, 2 * middle + multiple), np.float32)
    here = slice(middle, middle + multiple)
    seen = probabilities(noise)[:, here, here]

    def change(halo: int) -> float:
        shown = slice(middle - halo, middle + multiple + halo)
        black = np.zeros_like(noise)
        black[:, shown, shown] = noise[:, shown, shown]
        return float(np.abs(probabilities(black)[:, here, here] - seen).max())

    if (beyond := change(steps * multiple)) > _SAME:
        return Context(steps * multiple, beyond)
    low, high = -1, steps
    while high - low > 1:
        half = (low + high) // 2
        low, high = (low, half) if change(half * multiple) <= _SAME else (half, high)
    return Context(high * multiple, 0.0)
