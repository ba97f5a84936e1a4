r"""Image-level prior for networks trained by multiple instances.

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
    """A network with an image-level prior on its predictions.

    Predictions, but not training, are multiplied by the image's class probabilities.

    In training mode the logits are the network's own. An image that is predicted in tiles has the prior of each tile.
    """

    network: NetworkSpec
    """The specification of the network: `Pretrained(...)`, `UNet()` or another object with `build` and `rebuild`."""
    sharpness: float = 5.0
    """Sharpness r of the smooth maximum, above 0: near 0 it is the mean, for large r the maximum; as
    `SoftMultipleInstance.sharpness`."""

    def __post_init__(self):
        if not self.sharpness > 0:
            raise RecipeInvalid(f"sharpness is {self.sharpness}", expected="a number above 0")

    def build(self, channels: int, classes: int) -> nn.Module:
        """The network with its prior, ready to train."""
        return self._with_prior(self.network.build(channels, classes))

    def rebuild(self, channels: int, classes: int, config: dict) -> nn.Module:
        """The same network, whose weights are loaded next."""
        return self._with_prior(self.network.rebuild(channels, classes, config))

    def _with_prior(self, network: nn.Module) -> nn.Module:
        # A hook leaves the module itself alone, whose parameter names, stride and config are read elsewhere.
        network.register_forward_hook(self._reweigh)
        return network

    def _reweigh(self, network: nn.Module, inputs: tuple, logits: Tensor) -> Tensor:
        return logits if network.training else logits + log_prior(logits, self.sharpness)[:, :, None, None]


def log_prior(logits: Float[Tensor, "B C h w"], sharpness: float) -> Float[Tensor, "B C"]:
    """Log-probabilities that the image shows each class.

    They come from a smooth maximum of the scores.
    """
    cells = logits.float().flatten(2)
    smooth = ((sharpness * cells).logsumexp(2) - log(cells.shape[2])) / sharpness
    return smooth.log_softmax(1)
