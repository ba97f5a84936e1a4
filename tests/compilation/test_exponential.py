"""Exponentials and logarithms of compiled loops, beside numpy's."""

import numpy as np

from weakseg.compilation.exponential import SMALLEST, exponential, exponential_single, logarithm_single


def test_the_exponential_is_right_to_two_units_in_the_last_place():
    """From 0 down to the smallest normal number, and 0 from there on."""
    given = np.concatenate([-np.geomspace(1e-18, 707.9, 5000), -np.arange(0, 1000) * np.log(2) / 2])
    found = np.array([exponential(value) for value in given])
    kept = given > SMALLEST
    np.testing.assert_allclose(found[kept], np.exp(given[kept]), rtol=4.5e-16)
    assert (found[~kept] == 0).all()
    assert exponential(-np.inf) == 0


def test_in_single_precision_too():
    """Down to -87, and 0 from there on."""
    given = np.concatenate([-np.geomspace(1e-9, 100, 5000), -np.arange(0, 260) * np.log(2) / 2]).astype(np.float32)
    found = np.array([exponential_single(value) for value in given])
    kept = given > -87
    np.testing.assert_allclose(found[kept], np.exp(given[kept].astype(float)), rtol=2.4e-7)
    assert (found[~kept] == 0).all()
    assert exponential_single(np.float32(-np.inf)) == 0


def test_the_logarithm_in_single_precision():
    """Of all normal numbers, and exactly 0 at 1."""
    given = np.concatenate([np.geomspace(1.2e-38, 3e38, 5000), np.linspace(0.5, 2, 1000)]).astype(np.float32)
    found, expected = np.array([logarithm_single(value) for value in given]), np.log(given.astype(float))
    np.testing.assert_array_less(np.abs(found - expected), 2e-7 * np.maximum(1, np.abs(expected)))
    assert logarithm_single(np.float32(1)) == 0
