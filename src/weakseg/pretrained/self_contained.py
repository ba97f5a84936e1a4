"""Checks that an architecture needs no downloads.

It must be described in full, so that making it opens no connection and fetches nothing.

A `config.json`, or the record of a run, may be of unknown origin. transformers looks up a backbone that is only named,
and fetches code for parts that are not its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weakseg.errors import NetworkUnavailable

_LOOKED_UP: dict[str, type | tuple[type, ...]] = {
    # Some heads have a class named backbone, whose value is a number.
    "backbone": str,
    "auto_map": (dict, list, str),
    "use_timm_backbone": object,
    "use_pretrained_backbone": object,
}
"""Settings that make transformers contact a hub, with the types of value that do."""

_BUILT_IN = ("eager", "sdpa")
"""Implementations of attention that torch has; others are fetched, code and all."""


def require_self_contained(settings: dict) -> None:
    """Refuse an architecture that needs a download.

    Raises:
        NetworkUnavailable: a setting, at any depth, names something to be fetched.
    """
    if fetched := [f"{place} is {value!r:.100}" for place, value in _fetched(settings, "")]:
        raise NetworkUnavailable(
            f"the architecture needs a download: {', '.join(fetched)}",
            expected="an architecture described in full, of parts that transformers has",
            fix="in a config.json, remove these settings, and describe a backbone in full under backbone_config; "
            "do not open a run from others that needs this",
        )


def _fetched(settings: Any, place: str) -> Iterator[tuple[str, Any]]:
    pairs = settings.items() if isinstance(settings, dict) else enumerate(settings)
    for key, value in pairs:
        # Settings that are false or empty ask for nothing.
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
    """A `with` block without access to the Hugging Face hub.

    It stops whatever else a version of transformers would ask the hub for.
    """
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
