"""A config that describes a network larger than any is one message, before time or memory is taken."""

import json
import resource
import time
from pathlib import Path

import pytest

from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.pretrained import Pretrained, Untrained

HUGE = 1_000_000_000
CASES = [
    ("segformer", ("decoder_hidden_size",), HUGE), ("segformer", ("depths",), [HUGE, 1, 1, 1]),
    ("segformer", ("depths",), [500, 500, 500, 500]), ("segformer", ("hidden_sizes", 0), HUGE),
    ("dpt", ("hidden_size",), HUGE), ("dpt", ("hidden_size",), 1_000_000), ("dpt", ("num_hidden_layers",), HUGE),
    ("dpt", ("num_hidden_layers",), 100_000), ("mobilenet_v2", ("depth_multiplier",), 1e9),
    ("mobilenet_v2", ("depth_multiplier",), 1e4), ("upernet_convnext", ("backbone_config", "hidden_sizes", 0), HUGE),
    ("upernet_convnext", ("backbone_config", "depths", 1), HUGE), ("beit", ("image_size",), HUGE),
    ("beit", ("image_size",), 200_000), ("upernet_dinov2", ("backbone_config", "patch_size"), 1_000_000),
    ("upernet_swin", ("backbone_config", "window_size"), 100_000),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _a_small_machine(monkeypatch):
    """On a large one, some of these would be built."""
    monkeypatch.setattr("weakseg.pretrained.affordable.available", lambda: 4 * 2**30)


def enlarge(settings, place, value):
    """Puts a value where these keys lead."""
    *ways, last = place
    for way in ways:
        settings = settings[way]
    settings[last] = value


@pytest.mark.parametrize(("name", "place", "value"), CASES)
def test_a_network_larger_than_any_is_refused_at_once(described, name, place, value):
    """From a description and from a run's record alike, with what is too large."""
    file = Path(described(name)) / "config.json"
    settings = json.loads(file.read_text())
    enlarge(settings, place, value)
    file.write_text(json.dumps(settings))
    record = {"architecture": settings, "mean": [0.5] * 3, "std": [0.5] * 3, "fresh_parameters": []}
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()

    for make in (lambda: Untrained(str(file)).build(3, 2), lambda: Untrained("").rebuild(3, 2, record)):
        with pytest.raises(NetworkUnavailable) as error:
            make()
        assert "too large" in error.value.found or "GiB" in error.value.found
        assert error.value.fix

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**19  # KiB
    assert time.perf_counter() - started < 30


def test_weights_beside_such_a_description_are_not_opened(classifier):
    """The same message for a checkpoint."""
    file = classifier / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "depth_multiplier": 1e4}))
    with pytest.raises(NetworkUnavailable, match="weights take .* GiB"):
        Pretrained(str(classifier)).build(3, 2)


def test_a_network_that_fits_is_built(described):
    """Also where it is deeper than usual."""
    file = Path(described("segformer")) / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "depths": [20, 1, 1, 1]}))
    assert Untrained(str(file)).build(3, 2).stride == 4
