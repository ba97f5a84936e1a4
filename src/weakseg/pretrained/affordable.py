"""Limits on the size of architectures.

A config may be of unknown origin, so its numbers are checked before memory is taken.
"""

from collections.abc import Iterator
from typing import Any

import torch

from weakseg.arrays.memory import available
from weakseg.errors import NetworkUnavailable

_LARGEST = 1_000_000
"""Largest number in a config: sizes in pixels and features are thousands."""
_DEEPEST = 1000
"""Largest number of layers; each takes time to make, however small it is."""
_FITTING, _SMALLER = (
    "a network that fits into the memory",
    "choose a smaller one, or correct the sizes in its config.json",
)


def require_sensible(settings: dict[str, Any]) -> None:
    """Refuse an architecture with impossible numbers.

    Raises:
        NetworkUnavailable: numbers are too large; the message names them, and nothing has been made.
    """
    found = [*_beyond(settings, "")][:8]
    if found:
        raise NetworkUnavailable(
            f"the architecture is too large: {', '.join(f'{place} is {value!r:.50}' for place, value in found)}",
            expected=f"at most {_DEEPEST:,} layers, and no other number above {_LARGEST:,}",
            fix="fetch config.json again, or correct these settings",
        )


def _beyond(settings: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Settings that are too large, at any depth.

    Layers of all stages count together.
    """
    pairs = settings.items() if isinstance(settings, dict) else enumerate(settings)
    for key, value in pairs:
        name = f"{place}{key}"
        layers = isinstance(key, str) and (key in ("depths", "layers") or key.endswith("_layers"))
        numbers = [each for each in (value if isinstance(value, list) else [value]) if type(each) in (int, float)]
        if layers and sum(numbers) > _DEEPEST or any(abs(each) > _LARGEST for each in numbers):
            yield name, value
        elif isinstance(value, dict | list):
            yield from _beyond(value, f"{name}.")


def require_affordable(config: Any) -> None:
    """Refuse an architecture whose weights exceed the memory.

    It is made on torch's meta device, which holds no numbers, and its weights are counted.

    Raises:
        NetworkUnavailable: the weights exceed the memory; none has been taken.
    """
    from transformers import AutoModelForSemanticSegmentation

    try:
        # Shapes without numbers: the architecture is made and costs no memory.
        with torch.device("meta"):
            body = AutoModelForSemanticSegmentation.from_config(config, dtype=torch.float32)
    except RuntimeError as error:
        if "overflow" not in str(error):
            raise
        found = f"the architecture is too large: one of its tensors has more elements than torch can count ({error})"
        raise NetworkUnavailable(found, expected=_FITTING, fix=_SMALLER) from error
    tensors = [*body.parameters(), *body.buffers()]
    needed, there = sum(each.numel() * each.element_size() for each in tensors), available()
    if there is not None and needed > there:
        name, largest = max(body.named_parameters(), key=lambda pair: pair[1].numel())
        raise NetworkUnavailable(
            f"the network's weights take {needed / 2**30:,.1f} GiB, and there are {there / 2**30:,.1f} GiB of memory;"
            f" the largest is {name}, {' x '.join(f'{side:,}' for side in largest.shape)}",
            expected=_FITTING,
            fix=_SMALLER,
        )
