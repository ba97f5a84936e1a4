"""Which parameters of a network learn, and which of them are fresh, as the record of a run keeps it.

A network that is rebuilt for a resumed run has to be trained as the one that was built, and whoever writes a network
of their own may say both in `build` alone.
"""

from typing import Any

from torch import nn


def told(network: nn.Module) -> dict[str, list[str]]:
    """The names of fresh and of frozen parameters."""
    return {
        "fresh": sorted(getattr(network, "fresh_parameters", ())),
        "frozen": [name for name, parameter in network.named_parameters() if not parameter.requires_grad],
    }


def restore(network: nn.Module, said: dict[str, Any]) -> None:
    """Let the same parameters learn and be fresh as in the network that this was `told` of."""
    frozen = set(said["frozen"])
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name not in frozen)
    setattr(network, "fresh_parameters", frozenset(said["fresh"]))  # noqa: B010 (no attribute that torch knows)
