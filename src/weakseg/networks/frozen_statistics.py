"""Batch normalisation that keeps the statistics of pretraining."""

from dataclasses import dataclass

from torch import nn

from weakseg.networks.network import NetworkSpec


@dataclass(frozen=True)
class FrozenStatistics:
    """A network whose batch normalisation uses its pretrained means and variances, in training too.

    For batches of one or two images, whose own statistics are noise. Scales and shifts are still learnt. A fresh head
    has no statistics yet: there only scales and shifts are left of its normalisation.
    """

    network: NetworkSpec
    """`Pretrained(...)` or another object with `build` and `rebuild`, and with pretrained weights."""

    def build(self, channels: int, classes: int) -> nn.Module:
        """The network, ready to train."""
        return _frozen(self.network.build(channels, classes))

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same architecture; its weights are about to be loaded."""
        return _frozen(self.network.rebuild(channels, classes, config))


class _Frozen(nn.BatchNorm2d):
    def train(self, mode: bool = True):
        return super().train(False)


def _frozen(network: nn.Module) -> nn.Module:
    for module in network.modules():
        # Those of transformers' networks are of a kind of our own.
        if isinstance(module, nn.BatchNorm2d):
            # The class alone changes: weights, statistics and their names stay what checkpoints know.
            module.__class__ = _Frozen
            module.eval()
    return network
