r"""Predictions weighed by what the whole image seems to show: multiple instance learning's own second look.

.. math:: q_i^k \propto \operatorname{softmax}(f_i)^k \operatorname{softmax}(s)^k,
          \qquad s^k = \frac1r \log \frac1n \sum_i \exp(r f_i^k)

A class with no strong pixel anywhere loses its weak pixels. Pinheiro and Collobert 2015, "image-level prior"; the
smooth maximum s is that of `SoftMultipleInstance`.
"""

from dataclasses import dataclass
from math import log

from jaxtyping import Float
from torch import Tensor, nn

from weakseg.errors import RecipeInvalid
from weakseg.networks.network import NetworkSpec


@dataclass(frozen=True)
class ImageLevelPrior:
    """A network whose predictions, not its training, are multiplied by the image's class probabilities.

    It changes what is predicted and scored only: in training mode the logits are the network's own. An image that
    is predicted in tiles has the prior of each tile.
    """

    network: NetworkSpec
    """`Pretrained(...)`, `UNet()` or another object with `build` and `rebuild`."""
    sharpness: float = 5.0
    """r of the smooth maximum, above 0: near 0 the mean, large the maximum; as `SoftMultipleInstance.sharpness`."""

    def __post_init__(self):
        if not self.sharpness > 0:
            raise RecipeInvalid(f"a sharpness of {self.sharpness}", expected="a number above 0")

    def build(self, channels: int, classes: int) -> nn.Module:
        """The network with its prior, ready to train."""
        return self._with_prior(self.network.build(channels, classes))

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same network; its weights are about to be loaded."""
        return self._with_prior(self.network.rebuild(channels, classes, config))

    def _with_prior(self, network: nn.Module) -> nn.Module:
        # A hook leaves the network what it was: its parameters' names, stride and config are read elsewhere.
        network.register_forward_hook(self._reweigh)
        return network

    def _reweigh(self, network: nn.Module, inputs: tuple, logits: Tensor) -> Tensor:
        return logits if network.training else logits + log_prior(logits, self.sharpness)[:, :, None, None]


def log_prior(logits: Float[Tensor, "B C h w"], sharpness: float) -> Float[Tensor, "B C"]:
    """Log-probabilities of each class being what the whole image shows, from a smooth maximum of its scores."""
    cells = logits.float().flatten(2)
    smooth = ((sharpness * cells).logsumexp(2) - log(cells.shape[2])) / sharpness
    return smooth.log_softmax(1)
