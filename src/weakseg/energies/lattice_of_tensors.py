"""The permutohedral lattice in plain torch, for devices that numba does not reach.

The same corners as of `kernels.permutohedral`, which explains them, in the order of their numbers.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weakseg.errors import EvidenceInvalid
from weakseg.kernels.lattice_coordinates import elevation, lattice_scale, numbering
from weakseg.kernels.lattice_memory import require_memory


@dataclass(frozen=True, eq=False)
class TensorLattice:
    """Where N points lie on a lattice of M corners; fields and filter are those of `kernels.permutohedral.Lattice`."""

    corners: Int[Tensor, "N E"]
    weights: Float[Tensor, "N E"]
    neighbours: Int[Tensor, "E M 2"]

    def filter(self, values: Float[Tensor, "N C"]) -> Float[Tensor, "N C"]:
        """Equation 50, in the precision of `values`."""
        count, axes = self.neighbours.shape[1], range(len(self.neighbours))
        require_memory(
            5 * values.element_size() * count * values.shape[1], f"{values.shape[1]} channels on {count} corners"
        )
        weights = self.weights.to(values.dtype)
        spread = values.new_zeros(count + 1, values.shape[1])
        for corner, weight in zip(self.corners.T, weights.T, strict=True):
            spread.index_add_(0, corner, weight[:, None] * values)
        mixed = (self._blurred(spread, axes) + self._blurred(spread, reversed(axes))) / 2
        gathered = torch.zeros_like(values)
        for corner, weight in zip(self.corners.T, weights.T, strict=True):
            gathered += weight[:, None] * mixed[corner]
        return gathered * lattice_scale(len(self.neighbours) - 1)

    def _blurred(self, values, axes):
        for axis in axes:
            before, after = self.neighbours[axis].unbind(1)
            mixed = values[:-1] / 2 + (values[before] + values[after]) / 4
            values = torch.cat([mixed, torch.zeros_like(values[:1])])
        return values


def tensor_lattice(features: Float[Tensor, "d N"]) -> TensorLattice:
    """The lattice around points whose features are in units of the bandwidth, on their device.

    Raises:
        EvidenceInvalid: a feature is not finite, or bandwidths are so small that corners cannot be numbered, or would
            outgrow memory.
    """
    if not features.isfinite().all():
        raise EvidenceInvalid("features that are nan or infinite", mend="look for such values in the picture")
    size = len(features) + 1
    points = features.shape[1]
    # A dozen arrays of eight bytes: numbers of corners, and what sorting them takes.
    require_memory(96 * size * points, f"a lattice around {points} points of {size - 1} features")
    matrix = elevation(len(features))
    ends = [extreme.float().cpu().numpy() for extreme in (features.amin(1), features.amax(1))]
    lowest, strides = (torch.from_numpy(part).to(features.device) for part in numbering(matrix, *ends))
    scaled = torch.from_numpy(matrix).to(features) @ features / size
    quotients = torch.floor(scaled + 0.5)
    residuals = scaled - quotients
    ranks = residuals.argsort(dim=0, descending=True, stable=True).argsort(0) + quotients.sum(0).long()
    # Rounding leaves the hyperplane; the coordinates that were rounded furthest in that direction go back.
    back = (ranks < 0).long() - (ranks >= size).long()
    ranks, residuals = ranks + size * back, residuals - back
    places = ranks.argsort(0)
    ordered = residuals.gather(0, places)
    differences = ordered[:-1].flip(0) - ordered[1:].flip(0)
    weights = torch.cat([1 - differences.sum(0, keepdim=True), differences])
    first = ((quotients.long() + back - lowest[:, None]) * strides[:-1, None]).sum(0, keepdim=True)
    steps = strides[-1] - strides[:-1][places].flip(0)
    keys, corners = torch.unique(torch.cat([first, first + steps[:-1].cumsum(0)]), return_inverse=True)
    require_memory(32 * size * len(keys), f"a lattice of {len(keys)} corners around {points} points")
    return TensorLattice(corners.T.contiguous(), weights.T.contiguous(), _neighbours(keys, strides))


def _neighbours(keys, strides):
    """Both neighbours of each corner along each axis, found in the sorted numbers of all corners."""
    size, count, top = len(strides) - 1, len(keys), strides[-1]
    last = keys >= (size - 1) * top
    around = torch.where(last, strides[:-1].sum() - (size - 1) * top, top)
    found, each = [], torch.arange(count, device=keys.device)
    for axis in range(size):
        wanted = keys + around - strides[axis]
        place = torch.searchsorted(keys, wanted).clamp(max=count - 1)
        after = torch.where(keys[place] == wanted, place, count)
        # A corner comes before its neighbour; what all the missing ones wrote to the last place is cut off.
        before = torch.full((count + 1,), count, device=keys.device).scatter(0, after, each)[:-1]
        found.append(torch.stack([after, before], 1))
    return torch.stack(found)
