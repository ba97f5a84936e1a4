"""Colours as people see them."""

import numpy as np
import pytest

from weakseg.appearance.color import perceived


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (1, 0, 0)),
        ((1, 0, 0), (0.5324, 0.8009, 0.6720)),
        ((0, 1, 0), (0.8773, -0.8618, 0.8318)),
        ((0, 0, 1), (0.3230, 0.7919, -1.0786)),
        ((0.01, 0.01, 0.01), (0.00699, 0, 0)),
    ],
)
def test_known_colours_have_their_lab_values(rgb, lab):
    """CIELAB / 100 of the corners of sRGB, as published, and of a grey in the linear part."""
    found = perceived(np.array(rgb, np.float32).reshape(3, 1, 1))

    assert found[0] == pytest.approx(lab, abs=5e-4)


def test_copies_of_a_channel_change_no_distance():
    """Distances are means over channels that are no colours."""
    grey = np.random.default_rng(0).random((1, 2, 3), np.float32)
    distance = lambda colors: np.linalg.norm(colors[0] - colors[4])  # noqa: E731

    assert distance(perceived(grey.repeat(5, axis=0))) == pytest.approx(distance(perceived(grey)))
