"""Densities of colour and place: the compiled loop against numpy."""

import numpy as np
import pytest

from weakseg.appearance.scribble_density import FAINTEST, log_density


def plain(colors, places, drawn_colors, drawn_places, spread, smallest):
    """Equation `scribble-density`, every pair at once, in float64."""
    apart = np.square(places[:, None].astype(float) - drawn_places).sum(2)
    variance = spread**2 * apart.min(1, keepdims=True) + smallest**2
    unlike = np.square(colors[:, None].astype(float) - drawn_colors).sum(2)
    terms = np.exp(-apart / variance / 2 - unlike / 2) / variance
    return np.log(terms.mean(1) + FAINTEST)


@pytest.mark.parametrize("channels", [1, 3, 6])
@pytest.mark.parametrize("drawn", [1, 7])
def test_densities_are_those_of_the_formula(channels, drawn):
    """For near and far pixels, one drawn pixel or several."""
    generator = np.random.default_rng(drawn)
    colors, drawn_colors = (generator.normal(0, 2, (n, channels)).astype(np.float32) for n in (50, drawn))
    places, drawn_places = (generator.random((n, 2), np.float32) for n in (50, drawn))
    given = (colors, places, drawn_colors, drawn_places, 1.5, 0.01)
    found = np.empty(50, np.float32)

    side_by_side = (np.ascontiguousarray(drawn_colors.T), np.ascontiguousarray(drawn_places.T))
    log_density(colors, places, *side_by_side, given[4:], np.empty(drawn, np.float32), found)

    assert found == pytest.approx(plain(*given), abs=2e-4)


def test_colours_unlike_all_that_was_drawn_are_finite():
    """They are as unlikely for each label, not infinitely so."""
    found = np.empty(1, np.float32)
    ones, zeros = np.ones((1, 3), np.float32), np.zeros((1, 2), np.float32)

    log_density(1e6 * ones, zeros, ones.T.copy(), zeros.T.copy(), (1.0, 0.01), np.empty(1, np.float32), found)

    assert found[0] == pytest.approx(np.log(FAINTEST), rel=1e-5)
