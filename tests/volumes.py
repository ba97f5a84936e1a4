"""Volumes for tests, and files of them."""

from io import BytesIO

import numpy as np

AFFINE = np.array([[-0.8, 0, 0, 30], [0, 0.8, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1.0]])
"""Axes left, anterior, superior."""


def write_nifti(path, voxels, affine=AFFINE, slope=None):
    """A NIfTI file."""
    import nibabel

    image = nibabel.Nifti1Image(voxels, affine)
    if slope is not None:
        image.header.set_slope_inter(slope, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)
    return path


def write_nrrd(path, voxels, affine=AFFINE, **fields):
    """An NRRD file, in the space that 3D Slicer writes."""
    import nrrd

    lps = np.diag([-1, -1, 1, 1]) @ affine
    layered = voxels.ndim == 4
    directions = lps[:3, :3].T
    if layered:
        directions = np.concatenate([np.full((1, 3), np.nan), directions])
    header = {
        "space": "left-posterior-superior",
        "kinds": ["list"] * layered + ["domain"] * 3,
        "space directions": directions,
        "space origin": lps[:3, 3],
        "encoding": "gzip",
    }
    stream = BytesIO()
    nrrd.write(stream, voxels, header | fields)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())
    return path


def body(shape=(12, 10, 8), seed=0):
    """Voxels of a scan, and labels of two organs on two axial slices: 1 and 2, else 0."""
    chance = np.random.default_rng(seed)
    voxels, labels = chance.integers(-1000, 1500, shape).astype(np.int16), np.zeros(shape, np.uint8)
    labels[2:5, 3:6, 2], labels[6:9, 3:6, 2], labels[2:6, 1:4, 5] = 1, 2, 1
    return voxels, labels
