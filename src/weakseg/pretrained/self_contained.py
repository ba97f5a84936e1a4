"""Architectures that are described in full, so that making one asks nobody and fetches nothing.

A `config.json`, or the record of a run, may come from anybody. transformers looks up a backbone that is only named,
and fetches code for parts that are not its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weakseg.errors import NetworkUnavailable

_LOOKED_UP: dict[str, type | tuple[type, ...]] = {
    # A number is that of a class with this name.
    "backbone": str,
    "auto_map": (dict, list, str),
    "use_timm_backbone": object,
    "use_pretrained_backbone": object,
}
"""Settings that make transformers ask a hub, with the kinds of value that do."""

_BUILT_IN = ("eager", "sdpa")
"""Ways to compute attention that torch has; others are fetched, code and all."""


def require_self_contained(settings: dict) -> None:
    """Refuse an architecture that names something to be fetched.

    Raises:
        NetworkUnavailable: one of its settings, however deep, is such a name.
    """
    if fetched := [f"{place} is {value!r:.100}" for place, value in _fetched(settings, "")]:
        raise NetworkUnavailable(
            f"the architecture names what would have to be fetched: {', '.join(fetched)}",
            expected="an architecture described in full, of parts that transformers has",
            fix="in a config.json, take out what is named here, and describe a backbone in full under "
            "backbone_config; a run of somebody else's that asks for this is better not opened",
        )


def _fetched(settings: Any, place: str) -> Iterator[tuple[str, Any]]:
    pairs = settings.items() if isinstance(settings, dict) else enumerate(settings)
    for key, value in pairs:
        if value and _is_fetched(str(key), value):
            yield f"{place}{key}", value
        elif isinstance(value, dict | list):
            yield from _fetched(value, f"{place}{key}.")


def _is_fetched(key: str, value: Any) -> bool:
    if key == "model_type":
        return isinstance(value, str) and value.startswith("timm_")
    if key.strip("_").startswith(("attn_implementation", "experts_implementation")):
        return value not in _BUILT_IN
    return isinstance(value, _LOOKED_UP.get(key, ()))


@contextmanager
def offline() -> Iterator[None]:
    """Without the Hugging Face hub, whatever else a version of transformers would ask it for."""
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
