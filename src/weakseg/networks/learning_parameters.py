"""Fresh and frozen parameters, as a run records them.

A network that is rebuilt for a resumed run has to be trained as the one that was built, and user code may mark both in
`build` alone.
"""

from typing import Any

from torch import nn


def recorded(network: nn.Module) -> dict[str, list[str]]:
    """The names of fresh and of frozen parameters."""
    return {
        "fresh": sorted(getattr(network, "fresh_parameters", ())),
        "frozen": [name for name, parameter in network.named_parameters() if not parameter.requires_grad],
    }


def restore(network: nn.Module, record: dict[str, Any]) -> None:
    """Freeze and mark the parameters that a record names."""
    frozen = set(record["frozen"])
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name not in frozen)
    setattr(network, "fresh_parameters", frozenset(record["fresh"]))  # noqa: B010 (no attribute that torch knows)
