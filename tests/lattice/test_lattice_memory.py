"""A lattice that would outgrow memory is refused before it does, with the size it would take."""

import re

import numpy as np
import pytest
import torch

from weakseg.errors import EvidenceInvalid
from weakseg.lattice import coordinates
from weakseg.lattice.coordinates import memory_needed
from weakseg.lattice.permutohedral import build
from weakseg.lattice.torch_lattice import tensor_lattice
from weakseg.mean_field.parallel_steps import messages, parallel_steps


def scattered(count: int = 2000) -> np.ndarray:
    """Points (3, N) so far apart that each has its own corners."""
    return np.random.default_rng(0).uniform(0, 1000, (3, count)).astype(np.float32)


def numba_lattice(features):
    """As `tensor_lattice` is called."""
    return build(features.numpy())


BOTH = pytest.mark.parametrize("of", [numba_lattice, tensor_lattice], ids=["numba", "torch"])


def size_told(error) -> float:
    """Bytes that the message says it would take."""
    return float(re.findall(r"would take (\S+) GiB", str(error.value))[0]) * 2**30


def test_what_is_expected_covers_what_a_lattice_holds():
    """Features, corners, weights and neighbours; and no more than a few times that."""
    features = scattered()
    lattice = build(features)
    held = sum(array.nbytes for array in (features, lattice.corners, lattice.weights, lattice.neighbours))
    assert held <= memory_needed(2000, 3, lattice.size) < 3 * held


@BOTH
@pytest.mark.parametrize("limit", [50_000, 400_000], ids=["points alone", "corners"])
def test_a_lattice_that_outgrows_memory_is_refused(monkeypatch, of, limit):
    """The message names the size, the limit, and what helps."""
    monkeypatch.setattr(coordinates, "MEMORY_LIMIT", limit)
    with pytest.raises(EvidenceInvalid, match="larger bandwidths, or a smaller image") as error:
        of(torch.from_numpy(scattered()))
    assert size_told(error) > limit
    assert f"at most {limit / 2**30:.3g} GiB" in str(error.value)


def test_the_size_is_told_although_not_all_points_were_placed(monkeypatch):
    """From those that were, within a tenth."""
    features = scattered()
    true = memory_needed(2000, 3, build(features).size)
    monkeypatch.setattr(coordinates, "MEMORY_LIMIT", true // 3)
    with pytest.raises(EvidenceInvalid) as error:
        build(features)
    assert size_told(error) == pytest.approx(true, rel=0.1)


def test_many_points_on_few_corners_are_welcome(monkeypatch):
    """As many as are refused above, with bandwidths that are large for the image."""
    monkeypatch.setattr(coordinates, "MEMORY_LIMIT", 400_000)
    assert build(scattered() / 1000).size < 100


@BOTH
def test_values_that_outgrow_memory_are_refused(monkeypatch, of):
    """A thousand channels on a lattice that is welcome itself."""
    lattice = of(torch.from_numpy(scattered()))
    values = torch.ones(2000, 1000)
    monkeypatch.setattr(coordinates, "MEMORY_LIMIT", 2**25)
    with pytest.raises(EvidenceInvalid, match="1000 channels"):
        lattice.filter(values if of is tensor_lattice else values.numpy())


def test_classes_that_outgrow_memory_are_refused(monkeypatch):
    """Mean field keeps two arrays of values, and one for each thread."""
    matrix = messages([build(scattered())], [1.0])
    monkeypatch.setattr(coordinates, "MEMORY_LIMIT", 2**25)
    with pytest.raises(EvidenceInvalid, match="1000 classes"):
        parallel_steps(np.zeros((2000, 1000), np.float32), matrix, 1)
