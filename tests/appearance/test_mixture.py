"""Colour mixtures: densities that are right, and safe on few colours."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from weakseg.appearance.mixture import BLOCK, NARROWEST, fit


def test_log_density_is_that_of_the_gaussians():
    """Against scipy, on two clouds far apart, in more than one block; a constant is left out."""
    generator = np.random.default_rng(0)
    colors = np.concatenate([generator.normal(0.2, 0.05, (300, 3)), generator.normal(0.8, 0.05, (100, 3))])
    mixture = fit(colors)
    colors = np.tile(colors, (BLOCK // len(colors) + 1, 1))
    covariances = [np.linalg.inv(w @ w.T) for w in mixture.whitening]
    parts = [
        weight * multivariate_normal(mean, covariance).pdf(colors)
        for weight, mean, covariance in zip(np.exp(mixture.log_weights), mixture.means, covariances, strict=True)
    ]

    found = mixture.log_density(colors)

    assert np.exp(mixture.log_weights).sum() == pytest.approx(1)
    assert found - np.log(np.sum(parts, 0)) == pytest.approx(1.5 * np.log(2 * np.pi))


@pytest.mark.parametrize("count", [1, 2, 50])
def test_one_colour_has_a_width(count):
    """Repeated, or seen once: the density is finite and highest there."""
    mixture = fit(np.full((count, 3), 0.4))

    there, beside, far = mixture.log_density(np.array([[0.4] * 3, [0.4 + NARROWEST] * 3, [1.0, -1, 5]]))

    assert there == pytest.approx(-3 * np.log(NARROWEST))
    assert far < beside < there
    assert np.isfinite(far)


def test_far_colours_are_still_told_apart():
    """In logarithms, where densities themselves are 0."""
    dark, bright = fit(np.full((5, 1), 0.0)), fit(np.full((5, 1), 1.0))

    assert bright.log_density(np.array([[2.0]]))[0] > dark.log_density(np.array([[2.0]]))[0]
