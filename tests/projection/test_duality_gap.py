"""Gap and violation of multipliers."""

import numpy as np

from weakseg.projection.duality_gap import converged, gap_and_violation


def test_gap_counts_what_is_missed_at_its_price_and_what_is_left_over_at_its_multiplier():
    """Rows: held with room, priced and missed, hard and missed; one image beside another."""
    bounds, prices = np.array([[1.0, 5.0, 3.0], [0.0, 0.0, 0.0]]), np.array([[2.0, 4.0, np.inf]] * 2)
    multipliers, measured = np.array([[0.5, 1.0, 7.0], [0.0, 0.0, 0.0]]), np.array([[3.0, 3.0, 2.0], [1.0, 1.0, 1.0]])
    gap, violation = gap_and_violation(bounds, prices, multipliers, measured)
    assert gap.tolist() == [0.5 * 2 + (4 - 1) * 2 + 7 * 1, 0]
    assert violation.tolist() == [1, 0]


def test_what_float64_cannot_tell_apart_is_settled():
    """Multipliers of a million nats are known to some 1e-10 of a nat, and so is what is measured."""
    bounds, prices, cells = np.array([[4.0]]), np.array([[np.inf]]), np.array([10.0])
    off = np.array([[4.0 - 1e-9]])
    assert converged(bounds, prices, np.array([[1e6]]), off, cells, 1e-10).tolist() == [True]
    assert converged(bounds, prices, np.array([[1e6]]), off - 1e-8, cells, 1e-10).tolist() == [False]
    assert converged(bounds, prices, np.array([[20.0]]), off, cells, 1e-11).tolist() == [False]
