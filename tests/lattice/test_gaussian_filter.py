"""A matrix of Gaussians with gradients, in numba and in plain torch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weakseg.errors import EvidenceInvalid
from weakseg.lattice.gaussian_filter import GaussianFilter
from weakseg.lattice.torch_lattice import tensor_lattice

BOTH = pytest.mark.parametrize(
    "of", [GaussianFilter.of, lambda features: GaussianFilter(tensor_lattice(features))], ids=["numba", "torch"]
)


def points(seed: int, dimensions: int, spread: float = 1.0) -> torch.Tensor:
    """Random features (d, 50)."""
    return spread * torch.randn(dimensions, 50, generator=torch.Generator().manual_seed(seed))


def values(seed: int, channels: int = 3) -> torch.Tensor:
    """Random values (50, C)."""
    return torch.randn(50, channels, generator=torch.Generator().manual_seed(seed + 1))


@given(seed=st.integers(0, 2**31), dimensions=st.integers(1, 8), spread=st.sampled_from([0.3, 1.0, 5.0]))
def test_torch_gives_what_numba_gives(seed, dimensions, spread):
    """The same corners, weights, neighbours, and so the same sums."""
    features, given_values = points(seed, dimensions, spread), values(seed)
    ours, theirs = GaussianFilter.of(features), GaussianFilter(tensor_lattice(features))
    torch.testing.assert_close(ours(given_values), theirs(given_values), rtol=1e-3, atol=1e-3)


@given(seed=st.integers(0, 2**31), dimensions=st.integers(1, 8))
def test_images_that_are_filtered_together_do_not_see_each_other(seed, dimensions):
    """Whatever company an image has and wherever its points stand, its sums are the same to the last bit."""
    parts, sums = [points(seed + i, dimensions, 1.0 + i) for i in range(3)], values(seed).repeat(3, 1)
    image = torch.arange(3).repeat_interleave(50)
    mingled = torch.arange(150).reshape(3, 50).T.flatten()
    for order in (slice(None), mingled):
        found = GaussianFilter.of(torch.cat(parts, 1)[:, order], image[order], images=3)(sums[order])
        for i, part in enumerate(parts):
            assert torch.equal(found[image[order] == i], GaussianFilter(tensor_lattice(part))(values(seed)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_many_points_at_one_place_are_added_in_pieces(dtype):
    """A blank image: more points on each corner than are added one after the other."""
    matrix = GaussianFilter(tensor_lattice(torch.zeros(2, 1000)))
    given_values = torch.rand(1000, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)
    found, numba = matrix(given_values), GaussianFilter.of(torch.zeros(2, 1000))
    assert found.dtype == dtype
    torch.testing.assert_close(found, found[:1].expand(1000, 3), rtol=1e-5, atol=0)
    torch.testing.assert_close(found, numba(given_values), rtol=1e-4, atol=0)


@BOTH
@given(seed=st.integers(0, 2**31), dimensions=st.sampled_from([2, 5]))
def test_the_mean_keeps_constants(of, seed, dimensions):
    """D^-1 K: the law of this normalisation."""
    constant = torch.full((50, 1), 0.7)
    torch.testing.assert_close(of(points(seed, dimensions)).mean(constant), constant)


@BOTH
@given(seed=st.integers(0, 2**31), dimensions=st.sampled_from([2, 5]))
def test_the_symmetric_normalisation_is_symmetric_and_keeps_the_root_of_degrees(of, seed, dimensions):
    """D^-1/2 K D^-1/2: the laws of this normalisation."""
    matrix = of(points(seed, dimensions))
    whole = matrix.symmetric(torch.eye(50))
    torch.testing.assert_close(whole, whole.T, rtol=1e-4, atol=1e-5)
    root = matrix.degrees(torch.eye(50)).sqrt()
    torch.testing.assert_close(matrix.symmetric(root), root)


@BOTH
def test_the_gradient_is_the_transpose(of):
    """Of the plain sums and of both normalisations, as autograd finds it, twice differentiable."""
    matrix = of(points(0, 3))
    for operator in (matrix, matrix.mean, matrix.symmetric):
        whole = operator(torch.eye(50))
        given_values = values(0).requires_grad_()
        (gradient,) = torch.autograd.grad((operator(given_values) * values(9)).sum(), given_values)
        torch.testing.assert_close(gradient, whole.T @ values(9), rtol=1e-3, atol=1e-3)


def test_gradients_agree_with_differences_in_double_precision():
    """Only plain torch computes in double, as gradcheck needs."""
    matrix = GaussianFilter(tensor_lattice(points(0, 2)))
    given_values = values(0).double().requires_grad_()
    assert torch.autograd.gradcheck(matrix, given_values)
    assert torch.autograd.gradgradcheck(matrix, given_values)


@BOTH
def test_features_that_are_not_finite_are_refused(of):
    """nan has no place on a lattice."""
    with pytest.raises(EvidenceInvalid, match="nan or infinite"):
        of(torch.full((2, 3), torch.nan))
