"""The fully connected CRF.

All pairs of pixels that are near and alike should have one class.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weakseg.energies.contrast import ColorContrast
from weakseg.errors import RecipeInvalid
from weakseg.grids.pooling import share_per_cell, side_in_cells
from weakseg.lattice.coordinates import MOST_DIMENSIONS
from weakseg.lattice.crf_cells import CrfCells
from weakseg.lattice.gaussian_filter import GaussianFilter
from weakseg.types import Evidence

VOC_SIDE = (375 * 500) ** 0.5
"""Side in pixels of a square as large as the images that the literature's bandwidths were chosen on."""
_LARGEST = 2.0
"""Largest bandwidth: beyond it nothing in an image is far apart, and a number of pixels was probably meant."""
_MOST_CHANNELS = MOST_DIMENSIONS - 2


@dataclass(frozen=True)
class DenseCRF:
    r"""Disagreement of all pixel pairs under Gaussian kernels, equation `dense-crf`.

    There are two kernels, appearance and smoothness.

    .. math:: E(p) = \frac{1}{2 n} \sum_m c_m \sum_k p_k^\top W_m (1 - p_k), \qquad
              W_m = D_m^{-1/2} K_m D_m^{-1/2}

    over the n valid pixels. The appearance kernel compares positions and colours, the smoothness kernel positions. Both
    are normalised as in equation `symmetric`, so E is a mean over pixels and at most about half the sum of the
    strengths. Void and padding are cut out. Names and values are those of Krähenbühl and Koltun 2011 and its
    implementations, with colours in [0, 1] and positions as fractions of the side of a square as large as the valid
    part of the whole image, so that a crop, a zoom and a padded batch see the same kernels; `from_pixels` converts.

    With mean field and weight 1 it is the usual CRF; as a loss (`Regularize`) it is Dense-GD of Marin and Boykov 2021,
    the dense CRF loss of Tang et al. 2018, equation (7). Images of more than six channels are compared in the six
    directions in which their colours differ most.

    Its gradient is exact, and a constant to autograd: it can be differentiated once.

    Raises:
        RecipeInvalid: a bandwidth is not above 0, or seems to be in pixels; a strength is infinite or below 0, or
            neither is above it.
    """

    sxy: float = 80 / VOC_SIDE
    """Standard deviation of the appearance kernel's positions, as a fraction of the side, above 0."""
    srgb: float = 13 / 255
    """Standard deviation of its colours, for images in [0, 1]; above 0."""
    compat: float = 10.0
    """Strength of the appearance kernel, in nats, 0 or above; 0 leaves it out."""
    smooth_sxy: float = 3 / VOC_SIDE
    """Standard deviation of the smoothness kernel's positions, as a fraction of the side, above 0."""
    smooth_compat: float = 3.0
    """Strength of the smoothness kernel, in nats, 0 or above; 0 leaves it out."""

    def __post_init__(self):
        bandwidths, strengths = (self.sxy, self.srgb, self.smooth_sxy), (self.compat, self.smooth_compat)
        if not all(value > 0 for value in (*bandwidths, sum(strengths))) or not all(0 <= s < inf for s in strengths):
            expected = "sxy, srgb and smooth_sxy above 0, compat and smooth_compat 0 or above, and not both 0"
            raise RecipeInvalid(f"{self}", expected=expected)
        # inf is meant: it leaves a feature out.
        if any(_LARGEST < value < inf for value in bandwidths):
            expected = "bandwidths as fractions of the image's side, and of the range of colours"
            raise RecipeInvalid(f"{self}", expected=expected, fix="give pixels to DenseCRF.from_pixels")

    @staticmethod
    def from_pixels(
        side: float, sxy: float, srgb: float, compat: float, smooth_sxy: float, smooth_compat: float
    ) -> "DenseCRF":
        """CRF from bandwidths in pixels and 8-bit colours.

        The literature states them like this.

        `side` is the root of how many pixels its images have; `VOC_SIDE` for those of Pascal VOC.
        """
        return DenseCRF(sxy / side, srgb / 255, compat, smooth_sxy / side, smooth_compat)

    @staticmethod
    def ccnn() -> "DenseCRF":
        """The untuned CRF of constrained CNNs.

        From the released code of Pathak et al. 2015.
        """
        return DenseCRF.from_pixels(VOC_SIDE, sxy=50.0, srgb=4.0, compat=5.0, smooth_sxy=6.0, smooth_compat=6.0)

    @staticmethod
    def ccnn_tuned() -> "DenseCRF":
        """The CRF of constrained CNNs, tuned on 100 images.

        From the same code.
        """
        return DenseCRF.from_pixels(VOC_SIDE, sxy=61.0, srgb=10.0, compat=35.0, smooth_sxy=19.0, smooth_compat=15.0)

    @staticmethod
    def rloss() -> "DenseCRF":
        """The kernel of the dense CRF loss.

        Appearance alone with strength 1, from the released code of Tang et al. 2018.
        """
        return DenseCRF.from_pixels(513.0, sxy=100.0, srgb=15.0, compat=1.0, smooth_sxy=3.0, smooth_compat=0.0)

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """The energy of each image.

        It is on the grid of `probs`; a cell counts as far as it is valid.
        """
        seen = self._seen(evidence, (probs.shape[2], probs.shape[3]))
        # On a CPU an image's lattice stays in its caches; elsewhere one for all of them is as quick as one for each.
        together = 1 if probs.is_cpu else len(probs)
        parts = zip(*(values.split(together) for values in (probs, *seen)), strict=True)
        return torch.cat([self._built(*some)(one) for one, *some in parts])

    def built(self, evidence: Evidence, grid: tuple[int, int]) -> CrfCells:
        """The energy as a function of probabilities alone.

        It is for repeated use, with one lattice for all images.

        Raises:
            EvidenceInvalid: pixels that are no numbers or far outside [0, 1], or bandwidths too small for the image.
        """
        return self._built(*self._seen(evidence, grid))

    def _seen(
        self, evidence: Evidence, grid: tuple[int, int]
    ) -> tuple[Float[Tensor, "B h w"], Float[Tensor, "B M h w"], Float[Tensor, " B"]]:
        """Valid fractions, colours and sides in cells."""
        valid = evidence.weak.valid
        share = share_per_cell(valid, grid).to(evidence.log_probs)
        return share, ColorContrast().on_grid(evidence.image, valid, grid), side_in_cells(evidence.weak, grid)

    def _built(
        self, share: Float[Tensor, "B h w"], seen: Float[Tensor, "B M h w"], side: Float[Tensor, " B"]
    ) -> CrfCells:
        cells = share.flatten().nonzero()[:, 0]
        return CrfCells.of(share, cells, self.kernels(seen, cells, side) if len(cells) else [])

    def kernels(
        self, seen: Float[Tensor, "B M h w"], cells: Int[Tensor, " N"], side: Float[Tensor, " B"]
    ) -> list[tuple[GaussianFilter, float]]:
        """Kernel matrices among some cells, with their strengths.

        Cells are counted row by row through all images.
        """
        images, _, height, width = seen.shape
        rows = torch.arange(height, device=seen.device, dtype=torch.float32)[:, None].expand(height, width)
        columns = torch.arange(width, device=seen.device, dtype=torch.float32).expand(height, width)
        # Columns first, as other implementations have it: the lattice's error depends on the order of features.
        # In float32 always: half precision cannot tell neighbouring columns of a large image apart.
        places = torch.stack([columns, rows]).expand(images, 2, height, width) / side[:, None, None, None]
        features, strengths = [], []
        if self.smooth_compat:
            features.append(places / self.smooth_sxy)
            strengths.append(self.smooth_compat)
        if self.compat:
            features.append(torch.cat([places / self.sxy, _leading(seen.float(), cells) / self.srgb], 1))
            strengths.append(self.compat)
        image = cells // (height * width)

        def matrix(values: Float[Tensor, "B d h w"]) -> GaussianFilter:
            return GaussianFilter.of(values.movedim(1, 0).flatten(1)[:, cells], image, images)

        if not seen.is_cpu:
            return [*zip(map(matrix, features), strengths, strict=True)]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return [*zip(pool.map(matrix, features), strengths, strict=True)]


def _leading(colours: Float[Tensor, "B M h w"], cells: Int[Tensor, " N"]) -> Float[Tensor, "B m h w"]:
    """Six principal colour directions of some cells.

    Fewer channels stay as they are.
    """
    if colours.shape[1] <= _MOST_CHANNELS:
        return colours
    here = torch.zeros_like(colours[:, 0], dtype=torch.bool).flatten().index_fill(0, cells, True)
    here = here.reshape(len(colours), 1, *colours.shape[2:])
    mean = torch.where(here, colours, 0).sum((2, 3), keepdim=True) / here.sum((2, 3), keepdim=True).clamp(min=1)
    centred = torch.where(here, colours - mean, 0).flatten(2)
    # Eigenvalues rise, so the last directions are the principal ones. Signs are arbitrary, and squares of differences
    # do not see them.
    _, directions = torch.linalg.eigh((centred @ centred.mT).double())
    return (directions[:, :, -_MOST_CHANNELS:].mT.to(centred) @ centred).unflatten(2, colours.shape[2:])
