"""Counts and covariances of a tilted softmax, against the same written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax

from weakseg.projection.class_moments import moments, tilted


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 100_000), st.integers(1, 6), st.sampled_from([1, 127, 128, 300]))
def test_moments_are_those_of_the_softmax_written_out(seed, classes, cells):
    """Deleted classes, huge scores, cells that count in part, and blocks that are not full."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(0, draw.choice([1.0, 1e4]), (classes, cells)).astype(draw.choice([np.float32, np.float64]))
    scores[1:][draw.random((classes - 1, cells)) < 0.2] = -np.inf
    mass, tilt = draw.random(cells), draw.normal(0, 3, classes)
    counts, covariance = moments(scores, mass, tilt)
    expected = softmax(scores + tilt[:, None], axis=0)
    np.testing.assert_allclose(counts, expected @ mass, atol=1e-11)
    np.testing.assert_allclose(covariance, np.diag(expected @ mass) - (expected * mass) @ expected.T, atol=1e-11)
    probs, same, normaliser = tilted(scores, mass, tilt)
    np.testing.assert_allclose(same, counts, atol=1e-11)
    np.testing.assert_allclose(probs, expected.astype(scores.dtype), atol=1e-7 if scores.dtype == np.float32 else 1e-14)
    assert normaliser == pytest.approx(float(logsumexp(scores + tilt[:, None], axis=0) @ mass), rel=1e-12, abs=1e-10)
