"""The fully connected CRF: all pairs of pixels that are near and alike should have one class."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.constraints.cells import share_per_cell
from weakseg.energies.contrast import ColorContrast
from weakseg.energies.gaussian_filter import GaussianFilter
from weakseg.errors import RecipeInvalid
from weakseg.kernels.lattice_coordinates import MOST_DIMENSIONS
from weakseg.types import Evidence

_MOST_CHANNELS = MOST_DIMENSIONS - 2


@dataclass(frozen=True)
class DenseCRF:
    r"""Disagreement of all pairs of pixels, weighted by two Gaussian kernels, equation 54.

    .. math:: E(p) = \frac{1}{2 n} \sum_m c_m \sum_k p_k^\top W_m (1 - p_k), \qquad
              W_m = D_m^{-1/2} K_m D_m^{-1/2}

    over the n valid pixels. The appearance kernel compares positions and colours, the smoothness kernel positions. Both
    are normalised as in equation 53, so E is a mean over pixels and at most about half the sum of the strengths.
    Void and padding are cut out. Names and values are those of Krähenbühl and Koltun 2011 and its implementations,
    with positions as shares of the picture's longer side and colours in [0, 1]; `from_pixels` converts.

    With mean field and weight 1 it is the usual CRF; as a loss (`Regularize`) it is Dense-GD of Marin and Boykov 2021,
    the dense CRF loss of Tang et al. 2018, equation (7). Pictures of more than six channels are compared in the six
    directions in which their colours differ most.

    Raises:
        RecipeInvalid: a bandwidth is not above 0, or a strength is below 0.
    """

    sxy: float = 80 / 500
    """Standard deviation of the appearance kernel's positions, as a share of the longer side."""
    srgb: float = 13 / 255
    """Standard deviation of its colours, of pictures in [0, 1]."""
    compat: float = 10.0
    """Strength of the appearance kernel, in nats; 0 leaves it out."""
    smooth_sxy: float = 3 / 500
    """Standard deviation of the smoothness kernel, as a share of the longer side."""
    smooth_compat: float = 3.0
    """Strength of the smoothness kernel, in nats; 0 leaves it out."""

    def __post_init__(self):
        bandwidths, strengths = (self.sxy, self.srgb, self.smooth_sxy), (self.compat, self.smooth_compat)
        if not all(width > 0 for width in bandwidths) or not all(strength >= 0 for strength in strengths):
            raise RecipeInvalid(
                f"{self}", expected="sxy, srgb and smooth_sxy above 0, compat and smooth_compat 0 or above"
            )

    @staticmethod
    def from_pixels(
        longer_side: float, sxy: float, srgb: float, compat: float, smooth_sxy: float, smooth_compat: float
    ) -> "DenseCRF":
        """From the literature's numbers: positions in pixels of pictures of that side, colours from 0 to 255."""
        return DenseCRF(sxy / longer_side, srgb / 255, compat, smooth_sxy / longer_side, smooth_compat)

    @staticmethod
    def ccnn() -> "DenseCRF":
        """What constrained CNNs were refined with, before tuning (Pathak et al. 2015, its released code)."""
        return DenseCRF.from_pixels(500.0, sxy=50.0, srgb=4.0, compat=5.0, smooth_sxy=6.0, smooth_compat=6.0)

    @staticmethod
    def ccnn_tuned() -> "DenseCRF":
        """What they were refined with after tuning on 100 pictures (the same code)."""
        return DenseCRF.from_pixels(500.0, sxy=61.0, srgb=10.0, compat=35.0, smooth_sxy=19.0, smooth_compat=15.0)

    @staticmethod
    def rloss() -> "DenseCRF":
        """The kernel of the dense CRF loss (Tang et al. 2018, its released code): appearance alone, strength 1."""
        return DenseCRF.from_pixels(513.0, sxy=100.0, srgb=15.0, compat=1.0, smooth_sxy=3.0, smooth_compat=0.0)

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """The energy of each image, on the grid of `probs`; a cell counts as far as it is valid."""
        grid = (probs.shape[2], probs.shape[3])
        share = share_per_cell(evidence.weak.valid, grid)
        seen = ColorContrast().on_grid(evidence.image, evidence.weak.valid, grid)
        return torch.stack([self._of_one(*one) for one in zip(probs, share.to(probs), seen, strict=True)])

    def _of_one(
        self, probs: Float[Tensor, "C h w"], share: Float[Tensor, "h w"], seen: Float[Tensor, "M h w"]
    ) -> Float[Tensor, ""]:
        here = (share > 0).flatten()
        if not here.any():
            return probs.sum() * 0
        mass, probs = share.flatten()[here][:, None], probs.flatten(1).T[here]
        total = probs.new_zeros(())
        for matrix, strength in self.kernels(seen, share > 0):
            scaled = mass / matrix(mass).sqrt()
            own = scaled * probs
            agreement = _Agreement.apply(own, matrix)
            total = total + strength / 2 * ((own * matrix(scaled)).sum() - agreement)
        # Where all agree, rounding may leave a little less than 0.
        return total.clamp(min=0) / mass.sum()

    def kernels(self, seen: Float[Tensor, "M h w"], here: Bool[Tensor, "h w"]) -> list[tuple[GaussianFilter, float]]:
        """The two matrices among the cells that are `here`, in row-major order, each with its strength."""
        height, width = here.shape
        rows = torch.arange(height, device=seen.device, dtype=torch.float32)[:, None].expand(height, width)
        columns = torch.arange(width, device=seen.device, dtype=torch.float32).expand(height, width)
        # Columns first, as other implementations have it: the lattice's error depends on the order of features.
        places = torch.stack([columns, rows])[:, here] / max(height, width)
        features, strengths = [], []
        if self.smooth_compat:
            features.append(places / self.smooth_sxy)
            strengths.append(self.smooth_compat)
        if self.compat:
            features.append(torch.cat([places / self.sxy, _leading(seen[:, here].float()) / self.srgb]))
            strengths.append(self.compat)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return [*zip(pool.map(GaussianFilter.of, features), strengths, strict=True)]


def _leading(colours: Float[Tensor, "M N"]) -> Float[Tensor, "m N"]:
    """The six directions in which colours of many channels vary most; fewer channels as they are."""
    if len(colours) <= _MOST_CHANNELS:
        return colours
    centred = colours - colours.mean(1, keepdim=True)
    _, directions = torch.linalg.eigh((centred @ centred.T).double())
    return directions[:, -_MOST_CHANNELS:].T.to(centred) @ centred


class _Agreement(torch.autograd.Function):
    """sum_k v_k' K v_k: the filtered values are the gradient already, so backward filters nothing."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, matrix: GaussianFilter) -> Tensor:
        filtered = matrix(values)
        ctx.save_for_backward(filtered)
        return (values * filtered).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return 2 * gradient * ctx.saved_tensors[0], None
