"""Grids exchange and mirror axes, and every voxel finds its way back."""

from itertools import permutations, product

import numpy as np
import pytest

from weakseg.data.volumes.grid import PLANES, Grid
from weakseg.errors import DataInvalid

ORIENTATIONS = [(axes, signs) for axes in permutations(range(3)) for signs in product((-1, 1), repeat=3)]


def grid_of(axes, signs, shape=(3, 4, 5)):
    """A grid whose voxel axes lie along these world axes, with these signs."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for voxel_axis, (world, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[world, voxel_axis] = sign * (1 + voxel_axis)
    return Grid(shape, affine)


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_whatever_the_storage_slices_lie_alike(axes, signs):
    """Of all 48 orientations: rows run to posterior, columns to the left, and so on."""
    grid = grid_of(axes, signs)
    world = np.einsum("wa,axyz->wxyz", grid.affine[:3, :3], np.indices(grid.shape).astype(float))
    right, anterior, superior = world
    falls = {"axial": (anterior, right), "coronal": (superior, right), "sagittal": (superior, anterior)}
    for plane, of in falls.items():
        for values, axis in zip(of, (0, 1), strict=True):
            lying = grid.slice_of(values, plane, 0)
            steps = np.diff(lying, axis=axis)
            # From right to left and from front to back and from top to bottom, numbers of RAS fall.
            assert (steps < 0).all()


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::5])
def test_slices_put_back_make_the_volume(plane, axes, signs):
    """Each voxel once, at its own place."""
    grid = grid_of(axes, signs)
    voxels, again = np.arange(60).reshape(grid.shape), np.full(grid.shape, -1)
    for index in range(grid.slices(plane)):
        grid.slice_of(again, plane, index)[:] = grid.slice_of(voxels, plane, index)

    assert (again == voxels).all()


def test_slices_are_counted_as_they_are_stored():
    """The number in a slice's name is the index in the file, also of mirrored axes."""
    grid = grid_of((0, 1, 2), (1, 1, -1))
    voxels = np.broadcast_to(np.arange(5), grid.shape)

    assert (grid.slice_of(voxels, "axial", 3) == 3).all()


def test_oblique_axes_are_those_they_lie_most_along():
    """A gantry that was tilted by twenty degrees."""
    tilt = np.deg2rad(20)
    turned = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine = np.eye(4)
    affine[:3, :3] = turned @ np.diag([0.5, 0.5, 4])

    assert Grid((2, 3, 4), affine).axes == (0, 1, 2)


def test_grids_are_alike_within_the_tolerance():
    """A thousandth of a millimetre, and no voxel more or less."""
    grid = grid_of((0, 1, 2), (1, 1, 1))
    near, far = grid.affine.copy(), grid.affine.copy()
    near[0, 3] += 9e-4
    far[0, 3] += 2e-3

    assert grid.is_like(Grid(grid.shape, near))
    assert not grid.is_like(Grid(grid.shape, far))
    assert not grid.is_like(Grid((3, 4, 6), grid.affine))


def test_a_part_of_a_grid_is_found():
    """At whole voxels alone."""
    grid = grid_of((0, 1, 2), (-1, -1, 1))
    moved, between = grid.affine.copy(), grid.affine.copy()
    moved[:3, 3] = (grid.affine @ [1, 0, 2, 1])[:3]
    between[:3, 3] = (grid.affine @ [0.5, 0, 2, 1])[:3]

    assert Grid((2, 3, 2), moved).offset_in(grid) == (1, 0, 2)
    assert Grid((3, 3, 2), moved).offset_in(grid) is None
    assert Grid((2, 3, 2), between).offset_in(grid) is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0])
def test_a_map_that_loses_voxels_is_refused(wrong):
    """Damaged headers have such."""
    affine = np.eye(4)
    affine[0, 0] = wrong
    with pytest.raises(DataInvalid, match="affine"):
        Grid((2, 2, 2), affine)
