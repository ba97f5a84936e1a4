"""Gaussian mixtures over colours, split along principal axes.

They are deterministic, and defined for a single colour.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int

COMPONENTS = 5
"""Number of Gaussians, as in GrabCut."""

LEARNT_FROM = 5000
"""Largest number of pixels that a region's colours are learnt from, evenly taken from all."""

NARROWEST = 0.02
"""Standard deviation added to every component, in the unit of colours: the variation within one colour."""


BLOCK = 1 << 13
"""Number of colours evaluated at a time: temporary arrays stay in a cache, so large images cost no more per colour."""


class Mixture(NamedTuple):
    """Weights, means and widths of G Gaussians.

    In M dimensions.
    """

    log_weights: Float[np.ndarray, " G"]
    means: Float[np.ndarray, "G M"]
    whitening: Float[np.ndarray, "G M M"]
    """Matrix from differences to unit variance; its determinant is the density's scale."""

    def log_density(self, colors: Float[np.ndarray, "n M"]) -> Float[np.ndarray, " n"]:
        """Log-density, without a constant that all mixtures share."""
        found = np.empty(len(colors))
        scales = self.log_weights + np.linalg.slogdet(self.whitening)[1]
        for first in range(0, len(colors), BLOCK):
            some = colors[first : first + BLOCK]
            distances = [(((some - mean) @ whiten) ** 2).sum(1) for mean, whiten in zip(*self[1:], strict=True)]
            parts = scales[:, None] - np.stack(distances) / 2
            # Log-sum-exp by the largest part: densities of colours far from a region underflow.
            top = parts.max(0)
            found[first : first + BLOCK] = top + np.log(np.exp(parts - top).sum(0))
        return found


def region_mixtures(colors: Float32[np.ndarray, "n M"], labels: Int[np.ndarray, "H W"], count: int) -> list[Mixture]:
    """Mixture of each region's colours.

    The segmentation has `count` regions with at least one pixel each.
    """
    regions = [colors[labels.ravel() == label] for label in range(count)]
    # An even stride and no random choice, so that the same image gives the same mixture.
    learnt = [region[:: -(-len(region) // LEARNT_FROM)] for region in regions]
    return [fit(region.astype(np.float64)) for region in learnt]


def scores_in(
    mixtures: list[Mixture], colors: Float32[np.ndarray, "n M"], size: tuple[int, ...]
) -> Float32[np.ndarray, "K H W"]:
    """Log-density of each pixel's colour in each mixture."""
    scores = np.stack([mixture.log_density(colors) for mixture in mixtures])
    return scores.astype(np.float32).reshape(len(mixtures), *size)


def fit(colors: Float[np.ndarray, "n M"]) -> Mixture:
    """Fit a mixture by splitting at means.

    The widest part of at least one colour is split, until there are `COMPONENTS`.

    Orchard and Bouman 1991, as in Rother, Kolmogorov and Blake 2004.
    """
    parts = [colors]
    while len(parts) < COMPONENTS:
        widths = [_axis(part) for part in parts]
        widest = int(np.argmax([width for width, _ in widths]))
        width, axis = widths[widest]
        # All parts are about one colour; a further split would divide noise, and could leave an empty half.
        if width < NARROWEST**2:
            break
        # Along the direction of the largest variance, through the mean: neither half is empty, as the variance is above
        # 0.
        part = parts.pop(widest)
        beyond = (part - part.mean(0)) @ axis > 0
        parts += [part[beyond], part[~beyond]]
    # A region of one colour has a covariance of 0 and no density otherwise.
    covariances = np.stack([_covariance(part) for part in parts]) + NARROWEST**2 * np.eye(colors.shape[1])
    # L with L L' = inverse covariance, so (x - m) L has unit variance.
    whitening = np.linalg.cholesky(np.linalg.inv(covariances))
    sizes = np.array([len(part) for part in parts])
    return Mixture(np.log(sizes / len(colors)), np.stack([part.mean(0) for part in parts]), whitening)


def _covariance(colors: Float[np.ndarray, "n M"]) -> Float[np.ndarray, "M M"]:
    centred = colors - colors.mean(0)
    return centred.T @ centred / len(colors)


def _axis(colors: Float[np.ndarray, "n M"]) -> tuple[float, Float[np.ndarray, " M"]]:
    """Largest variance of any direction, and that direction."""
    values, vectors = np.linalg.eigh(_covariance(colors))
    return float(values[-1]), vectors[:, -1]
