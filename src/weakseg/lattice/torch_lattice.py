"""The permutohedral lattice in torch.

It serves devices that numba does not reach.

The corners are those of `permutohedral`, for the points of one image or of a whole batch. A device needs few large
steps and few waits; it waits for the bounds of the numbering and for the numbers of corners and parts. Every sum is
taken in a fixed order, so two runs agree to the last bit.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from weakseg.errors import EvidenceInvalid
from weakseg.lattice.coordinates import elevation, lattice_scale, numbering, require_memory

_PIECE = 64
"""Entries of a sparse row that are added one after the other; parts of a row are added in parallel."""


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A sparse matrix as rows of columns and weights."""

    columns: Int[Tensor, " K"]
    weights: Float[Tensor, " K"]
    starts: Int[Tensor, " R"]
    """Index at which each row begins."""

    @staticmethod
    def of_equal_length(columns: Int[Tensor, "R L"], weights: Float[Tensor, "R L"]) -> "SparseRows":
        """Matrix with equally many entries per row."""
        starts = torch.arange(0, columns.numel(), columns.shape[1], device=columns.device)
        return SparseRows(columns.flatten().int(), weights.flatten(), starts.int())

    def __call__(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "R C"]:
        """The product, in the precision of `values`.

        It is one kernel, and nothing of size K x C is stored.
        """
        weights = self.weights.to(values.dtype)
        # A bag sums its entries in their order. `index_add` would be as short, and on CUDA it adds in whatever order
        # threads arrive.
        return torch.embedding_bag(values, self.columns, self.starts, per_sample_weights=weights)[0]


@dataclass(frozen=True, eq=False)
class TensorLattice:
    """N points on a lattice of M corners, as matrices.

    They are applied in turn.
    """

    splats: tuple[SparseRows, SparseRows]
    """Matrices from points to corners, M x N: sums of a few points, then sums of these."""
    blurs: tuple[SparseRows, ...]
    """Matrix of the blur along each axis, M x M."""
    slice: SparseRows
    """Matrix from corners to points, N x M."""
    images: int
    """Number of images that the points belong to."""

    def filter(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "N C"]:
        """Gaussian sums, equation `gaussian-sum`, like `permutohedral.Lattice.filter`.

        In the precision of `values`.
        """
        spread = self._spread(values)
        return self._gathered((_through(self.blurs, spread) + _through(self.blurs[::-1], spread)) / 2)

    def filter_in_one_order(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "N C"]:
        """Gaussian sums with blurs in one order.

        Other CRF implementations do this; it is not quite symmetric.
        """
        return self._gathered(_through(self.blurs, self._spread(values)))

    def _spread(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "M C"]:
        corners, channels = len(self.splats[-1].starts), values.shape[1]
        # About five arrays are alive at once: before and after a blur, in both orders, and their sum.
        needed = 5 * values.element_size() * corners * channels // self.images
        require_memory(needed, f"{channels} channels on {corners} corners")
        return _through(self.splats, values)

    def _gathered(self, on_corners: Float[Tensor, "M C"]) -> Float[Tensor, "N C"]:
        return self.slice(on_corners) * lattice_scale(len(self.blurs) - 1)


def tensor_lattice(
    features: Float[Tensor, "d N"], image: Int[Tensor, " N"] | None = None, images: int = 1
) -> TensorLattice:
    """The lattice around some points, on their device.

    Features are in units of the bandwidth.

    `image` is the number of each point's image, below `images`; points of different ones share no corner.

    Raises:
        EvidenceInvalid: a feature is not finite, or bandwidths are so small that corners cannot be numbered, or would
            outgrow memory.
    """
    points, size = features.shape[1], len(features) + 1
    around = f"around {points} points of {size - 1} features"
    # A dozen arrays of eight bytes: numbers of corners, and what sorting them takes.
    require_memory(96 * size * points // images, f"a lattice {around}")
    lowest, strides = _numbering(features, images)
    keys, weights = _embedded(features, lowest, strides)
    if image is not None:
        # A range of numbers for each image: points that are alike in different images must not share a corner.
        keys = keys + size * strides[-1] * image[:, None]
    # Stable, because equal keys are added in this order, and sums have to repeat to the last bit.
    ordered, order = keys.flatten().sort(stable=True)
    first = torch.cat([torch.ones_like(ordered[:1], dtype=torch.bool), ordered.diff() != 0])
    starts = first.nonzero()[:, 0]
    require_memory(32 * size * len(starts) // images, f"a lattice of {len(starts)} corners {around}")
    ranks = first.cumsum(0) - 1
    corners = torch.empty_like(order).scatter_(0, order, ranks)
    return TensorLattice(
        _splats(order // size, weights.flatten()[order], starts, ranks),
        _blurs(ordered[starts], strides),
        SparseRows.of_equal_length(corners.reshape(points, size), weights),
        images,
    )


def _numbering(features, images):
    """`numbering`, with room for several images."""
    # Waits for the device: the numbering is made on the CPU, where integers cannot overflow unseen.
    ends = torch.stack([features.amin(1), features.amax(1)]).float().cpu().numpy()
    # An extreme is nan where any feature is.
    if not np.isfinite(ends).all():
        raise EvidenceInvalid("features that are nan or infinite", fix="look for such values in the image")
    lowest, strides = numbering(elevation(len(features)), *ends)
    needed = int(strides[-1]) * (len(features) + 1) * images
    if needed >= 2**63:
        raise EvidenceInvalid(
            f"a lattice of {needed:.1e} possible corners in {images} images",
            expected="fewer than 9.2e+18",
            fix="use larger bandwidths, fewer channels, or fewer images at once",
        )
    return (torch.from_numpy(part).to(features.device, non_blocking=True) for part in (lowest, strides))


def _embedded(features, lowest, strides):
    """Corner numbers and weights (N, E) of N points."""
    size = len(features) + 1
    matrix = torch.from_numpy(elevation(len(features))).to(features, non_blocking=True) / size
    # Not a matrix product, whose rounding depends on settings (autocast, TF32) and on how many points there are.
    scaled = torch.zeros_like(features[:1]).expand(size, -1)
    for column, feature in zip(matrix.T, features, strict=True):
        scaled = scaled + column[:, None] * feature
    quotients = (scaled + 0.5).floor()
    residuals = scaled - quotients
    # Ties are decided by the index, as in `corners.embed`, so that both lattices have the same corners.
    earlier = torch.ones(size, size, dtype=torch.bool, device=features.device).tril(-1)[:, :, None]
    before = (residuals > residuals[:, None]) | (residuals == residuals[:, None]) & earlier
    ranks = before.sum(1) + quotients.sum(0).long()
    # Rounding leaves the hyperplane; the coordinates that were rounded furthest in that direction go back.
    back = (ranks < 0).long() - (ranks >= size).long()
    ranks, residuals = ranks + size * back, residuals - back
    ordered = torch.empty_like(residuals).scatter_(0, ranks, residuals)
    drops = torch.empty_like(ranks).scatter_(0, ranks, strides[:-1, None].expand_as(ranks))
    weights = torch.cat([1 + ordered[-1:] - ordered[:1], ordered.flip(0).diff(dim=0)])
    first = ((quotients.long() + back - lowest[:, None]) * strides[:-1, None]).sum(0, keepdim=True)
    keys = torch.cat([first, strides[-1] - drops.flip(0)[:-1]]).cumsum(0)
    return keys.T.contiguous(), weights.T.contiguous()


def _splats(points, weights, starts, ranks):
    """Splat matrices with rows in parts.

    In a blank image one corner has thousands of points, which would be added one by one.
    """
    since = torch.arange(len(points), device=points.device) - starts[ranks]
    pieces = (since % _PIECE == 0).nonzero()[:, 0]
    each = torch.arange(len(pieces), device=points.device)
    joined = SparseRows(each.int(), torch.ones_like(weights[: len(pieces)]), torch.searchsorted(pieces, starts).int())
    return SparseRows(points.int(), weights, pieces.int()), joined


def _blurs(keys, strides):
    """Blur matrices [1/4 1/2 1/4] along each axis.

    Neighbours are found in the sorted numbers of all corners.
    """
    size, count, top = len(strides) - 1, len(keys), strides[-1]
    remainder = keys // top % size
    around = strides[:-1].sum() - (size - 1) * top
    up, down = (torch.where(remainder == end, around, top) for end in (size - 1, 0))
    along = strides[:-1, None]
    # The same neighbours as in `permutohedral._neighbours`: the step back is the step forward of the corner behind.
    wanted = torch.stack([keys + up - along, keys - down + along], 2)
    place = torch.searchsorted(keys, wanted).clamp(max=count - 1)
    # A corner that does not exist has weight 0 and may point anywhere.
    shares = (keys[place] == wanted).float() / 4
    itself = torch.arange(count, device=keys.device).expand(size, count)[:, :, None]
    columns = torch.cat([itself, place], 2)
    weights = torch.cat([torch.full_like(shares[:, :, :1], 0.5), shares], 2)
    return tuple(SparseRows.of_equal_length(*axis) for axis in zip(columns, weights, strict=True))


def _through(blurs, values):
    for blur in blurs:
        values = blur(values)
    return values
