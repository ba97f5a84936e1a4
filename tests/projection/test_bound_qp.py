"""The quadratic model's maximum over a box."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from weakseg.projection.bound_qp import newton_move


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 100_000))
def test_move_is_the_maximum_of_the_model_even_where_rows_are_opposite(seed):
    """No free component has slope left, none at a bound is pushed inside: rows come with their negatives."""
    draw = np.random.default_rng(seed)
    half = draw.normal(size=(4, 6)) * draw.choice([1e-3, 1.0], (4, 1))
    rows = np.concatenate([half, -half[:3]])
    curvature, slope = (rows @ rows.T)[None], draw.normal(0, 0.01, (1, 7))
    prices = draw.choice([0.5, 2.0, np.inf], (1, 7))
    multipliers = np.minimum(draw.choice([0.0, 0.3, 2.0], (1, 7)), prices)
    # Short moves are not damped, so that the maximum itself is seen.
    move = newton_move(curvature + 0.05 * np.eye(7), slope, multipliers, prices)
    left = slope - (curvature[0] + 0.05 * np.eye(7)) @ move[0]
    at = multipliers + move
    assert ((at >= 0) & (at <= prices)).all()
    assert (np.abs(left[(at > 1e-9) & (at < prices - 1e-9)]) < 1e-7).all()
    assert (left[at <= 1e-9] < 1e-7).all()
    assert (left[at >= prices - 1e-9] > -1e-7).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 100_000))
def test_no_move_is_downhill_where_the_curvature_is_rounding(seed):
    """As where one class is left: opposite rows, and a curvature of either sign that means 0."""
    draw = np.random.default_rng(seed)
    noise, slope = draw.normal(0, 1e-4), draw.normal(0, 500)
    curvature = np.array([[[noise, -noise], [-noise, noise]]])
    multipliers = draw.choice([0.0, 1.0, 2.0], (1, 2))
    slopes = np.array([[-2 * slope, slope]])

    move = newton_move(curvature, slopes, multipliers, np.full((1, 2), 2.0))

    assert (slopes * move >= 0).all()
    assert ((multipliers + move >= 0) & (multipliers + move <= 2)).all()


def test_long_moves_that_undo_each_other_keep_their_proportions():
    """A class's row falls by 30, another class's two by 15 each: shortened one by one they would no longer agree."""
    weights = np.array([[1.0, -1.0, 1.0]])
    curvature, slope = (8 * weights.T @ weights)[None], np.array([[-1.0, -0.5, 0.5]])

    move = newton_move(curvature, slope, np.array([[30.0, 15.0, 0.0]]), np.array([[np.inf, np.inf, 15.0]]))[0]

    assert move[0] < -1
    assert slope[0] @ move > 0.5 * move @ curvature[0] @ move
