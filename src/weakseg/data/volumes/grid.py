"""The grid of a volume: where its voxels lie in the patient.

World coordinates are millimetres to the right, anterior and superior (RAS), as in NIfTI. Axes are only exchanged and
mirrored here, never resampled, so that every voxel keeps its value and finds its way back.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
from jaxtyping import Float, Shaped

from weakseg.errors import DataInvalid

TOLERANCE = 1e-3
"""Largest difference between numbers of two affine maps of the same grid, in millimetres."""
PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Index, among the axes left, posterior and superior, of the axis that each plane's slices lie along."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Shape and place of the voxels of a volume.

    Raises:
        DataInvalid: the affine map is not finite, or maps different voxels to one place.
    """

    shape: tuple[int, int, int]
    """Number of voxels along each axis, as they are stored."""
    affine: Float[np.ndarray, "4 4"]
    """Map from voxel indices to world coordinates."""

    def __post_init__(self):
        linear = self.affine[:3, :3]
        if not np.isfinite(self.affine).all() or abs(np.linalg.det(linear)) < 1e-12 * np.abs(linear).max() ** 3:
            found = f"the affine map {_rows(self.affine)} puts different voxels at one place, or has nan in it"
            raise DataInvalid(found, expected="a place of its own for each voxel")

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along each axis, in millimetres."""
        first, second, third = np.sqrt((self.affine[:3, :3] ** 2).sum(0)).tolist()
        return first, second, third

    def is_like(self, other: "Grid") -> bool:
        """Whether both have the same voxels at the same places."""
        return self.shape == other.shape and bool(np.abs(self.affine - other.affine).max() <= TOLERANCE)

    def offset_in(self, other: "Grid") -> tuple[int, int, int] | None:
        """The voxel of a larger grid at which this one begins; `None` if it is no part of it."""
        first = np.linalg.solve(other.affine, self.affine[:, 3])[:3]
        whole = np.round(first)
        same = np.abs(self.affine[:3, :3] - other.affine[:3, :3]).max() <= TOLERANCE
        inside = (whole >= 0).all() and (whole + self.shape <= other.shape).all()
        if not (same and inside and np.abs(first - whole).max() <= 0.01):
            return None
        x, y, z = whole.astype(int).tolist()
        return x, y, z

    def __str__(self) -> str:
        size, spacing = " x ".join(map(str, self.shape)), " x ".join(f"{each:.4g}" for each in self.spacing)
        return f"{size} voxels of {spacing} mm, affine map {_rows(self.affine)}"

    @cached_property
    def axes(self) -> tuple[int, int, int]:
        """The stored axes that lie most along left, posterior and superior, in this order."""
        directions = np.abs(self.affine[:3, :3]) / self.spacing
        return max(permutations(range(3)), key=lambda axes: directions[range(3), axes].sum())  # pyright: ignore

    @cached_property
    def mirrored(self) -> tuple[bool, bool, bool]:
        """Whether each of `axes` runs the other way: to the right, anterior or inferior."""
        # World coordinates grow to the right and anterior, and the oriented ones to the left and posterior.
        wanted = (-1, -1, 1)
        left, posterior, superior = (self.affine[range(3), self.axes] * wanted < 0).tolist()
        return left, posterior, superior

    def oriented(self, voxels: Shaped[np.ndarray, "X Y Z"]) -> Shaped[np.ndarray, "L P S"]:
        """A view of stored voxels whose axes run to the left, posterior and superior."""
        return np.flip(voxels.transpose(self.axes), tuple(axis for axis in range(3) if self.mirrored[axis]))

    def slices(self, plane: str) -> int:
        """Number of slices in a plane."""
        return self.shape[self.axes[PLANES[plane]]]

    def slice_of(self, voxels: Shaped[np.ndarray, "X Y Z"], plane: str, index: int) -> Shaped[np.ndarray, "H W"]:
        """A view of one slice, as radiologists look at it.

        The patient's right is on the left of axial and coronal slices, and anterior on the left of sagittal ones;
        anterior is on top of axial slices, and superior on top of others.

        Args:
            voxels: the stored voxels; writing to the view changes them.
            plane: one of `PLANES`.
            index: index of the slice along the stored axis.
        """
        along = PLANES[plane]
        index = self.slices(plane) - 1 - index if self.mirrored[along] else index
        lying = _at(self.oriented(voxels), along, index)
        return lying.T if plane == "axial" else lying[:, ::-1].T


def _at(voxels: Shaped[np.ndarray, "L P S"], axis: int, index: int) -> Shaped[np.ndarray, "A B"]:
    place: list[slice | int] = [slice(None)] * 3
    place[axis] = index
    return voxels[tuple(place)]


def _rows(affine: Float[np.ndarray, "4 4"]) -> str:
    return "; ".join(" ".join(f"{number:.6g}" for number in row) for row in affine[:3].tolist())
