"""Batch normalisation with the statistics of pretraining."""

from dataclasses import dataclass

from torch import nn

from weakseg.networks.network import NetworkSpec


@dataclass(frozen=True)
class FrozenStatistics:
    """A network with frozen batch statistics.

    Its batch normalisation uses the pretrained means and variances in training too.

    This is for batches of one or two images, whose own statistics are noise. Scales and shifts are still learnt. A new
    head has no statistics yet, so that only scales and shifts remain of its normalisation.
    """

    network: NetworkSpec
    """The specification of the network, with pretrained weights: `Pretrained(...)` or another object with `build` and
    `rebuild`."""

    def build(self, channels: int, classes: int) -> nn.Module:
        """The network, ready to train."""
        return _frozen(self.network.build(channels, classes))

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same architecture, whose weights are loaded next."""
        return _frozen(self.network.rebuild(channels, classes, config))


class _Frozen(nn.BatchNorm2d):
    def train(self, mode: bool = True):
        return super().train(False)


def _frozen(network: nn.Module) -> nn.Module:
    for module in network.modules():
        # transformers' networks have a subclass of ours, which this covers too.
        if isinstance(module, nn.BatchNorm2d):
            # The class alone changes: weights, statistics and their names stay what checkpoints know.
            module.__class__ = _Frozen
            module.eval()
    return network
