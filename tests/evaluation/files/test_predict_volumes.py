"""Predicted volumes lie where their images do, voxel by voxel."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from volumes import AFFINE, write_nifti, write_nrrd

from weakseg.classes import Classes
from weakseg.data.images.stored import Reading
from weakseg.data.volumes.volume import read_volume
from weakseg.errors import DataInvalid
from weakseg.evaluation.files.predict_volumes import predict_volumes
from weakseg.evaluation.prediction import Prediction
from weakseg.evaluation.segments import Segments

nibabel = pytest.importorskip("nibabel")
pytest.importorskip("nrrd")


@dataclass(frozen=True)
class Bright:
    """A network that finds what is bright."""

    reading: Reading = Reading(range=(0, 100))
    classes: Classes = Classes(("dark", "bright"))
    channels: int = 1
    numbers: tuple[int, ...] = (0, 7)
    void: int = 255
    window_px: int = 1024
    multiple: int = 1
    digest: str = ""

    def __call__(self, image):
        """One of two classes at each pixel."""
        return np.stack([image[0] <= 0.5, image[0] > 0.5]).astype(np.float32)

    def in_one_piece(self, image):
        """The same: it looks at single pixels."""
        return self(image)

    def labels(self, image):
        """The most probable class."""
        return self(image).argmax(0)

    def prediction(self, image, labels):
        """Not used for volumes."""
        return Prediction(image, labels, self.classes, self.numbers, self.void)


BRIGHT = Bright()
OBLIQUE = np.array([[0.1, -0.9, 0, 4], [0.8, 0.1, 0, 5], [0, 0, -2, 6], [0, 0, 0, 1.0]])


def voxels(dtype=np.int16):
    """Values on both sides of the middle."""
    return np.random.default_rng(0).integers(0, 100, (6, 5, 4)).astype(dtype)


def test_it_is_a_network():
    """As runs and ONNX files are."""
    assert isinstance(BRIGHT, Segments)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd"])
@pytest.mark.parametrize("affine", [AFFINE, OBLIQUE], ids=["straight", "oblique"])
def test_each_voxel_gets_its_own_label_on_the_same_grid(tmp_path, plane, name, affine):
    """In whatever plane the network looks, and however the axes are stored."""
    path = (write_nrrd if "nrrd" in name else write_nifti)(tmp_path / "in" / name, voxels(), affine)
    (written,) = predict_volumes(BRIGHT, [path], tmp_path / "out", plane)
    found = read_volume(written)

    assert written.name == name
    assert (found.voxels == np.where(voxels() > 50, 7, 0)).all()
    assert (found.grid.affine == read_volume(path).grid.affine).all()


def test_the_header_is_kept(tmp_path):
    """Units, codes and both of its maps; the scaling of the values is not."""
    image = nibabel.Nifti1Image(voxels(), AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    image.set_qform(AFFINE, 1)
    image.set_sform(OBLIQUE, 4)
    image.header.set_slope_inter(2, -5)
    nibabel.save(image, tmp_path / "a.nii.gz")
    (written,) = predict_volumes(BRIGHT, [tmp_path / "a.nii.gz"], tmp_path / "out", "axial")
    before, after = (nibabel.load(path) for path in (tmp_path / "a.nii.gz", written))

    for name in ("qform_code", "sform_code", "xyzt_units"):
        assert before.header[name] == after.header[name]
    assert (before.get_sform() == after.get_sform()).all()
    assert (before.get_qform() == after.get_qform()).all()
    assert after.header.get_slope_inter() in ((None, None), (1, 0))
    assert after.get_data_dtype() == np.uint8


def test_voxels_without_data_are_void(tmp_path):
    """nan, where the training declared it."""
    values = voxels(np.float32)
    values[0] = np.nan
    path = write_nifti(tmp_path / "a.nii", values)
    network = replace(BRIGHT, reading=Reading(range=(0, 100), nodata="nan"))
    (written,) = predict_volumes(network, [path], tmp_path / "out", "axial")

    assert (read_volume(written).voxels[0] == 255).all()


def test_eight_bits_are_in_the_declared_range(tmp_path):
    """An import of volumes stores them so that the range applies."""
    path = write_nifti(tmp_path / "a.nii", voxels(np.uint8))
    (written,) = predict_volumes(BRIGHT, [path], tmp_path / "out", "axial")

    assert (read_volume(written).voxels == np.where(voxels() > 50, 7, 0)).all()


def test_all_problems_come_before_anything_is_written(tmp_path):
    """Damage, a range that is not known, a network of colours, files that exist."""
    good, bad = write_nifti(tmp_path / "a.nii", voxels()), tmp_path / "b.nii"
    bad.write_bytes(b"x")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.nii").write_text("mine")
    with pytest.raises(DataInvalid) as caught:
        predict_volumes(BRIGHT, [good, bad], tmp_path / "out", "axial")

    assert len(caught.value.problems) == 2
    assert (tmp_path / "out" / "a.nii").read_text() == "mine"
    with pytest.raises(DataInvalid, match="range"):
        predict_volumes(replace(BRIGHT, reading=Reading()), [good], tmp_path / "other", "axial")
    with pytest.raises(DataInvalid, match="channels"):
        predict_volumes(replace(BRIGHT, channels=3), [good], tmp_path / "other", "axial")
    assert not (tmp_path / "other").exists()


def test_two_volumes_of_one_name_are_refused(tmp_path):
    """One would lie over the other."""
    paths = [write_nifti(tmp_path / site / "a.nii", voxels()) for site in ("one", "two")]
    with pytest.raises(DataInvalid, match="rename"):
        predict_volumes(BRIGHT, paths, tmp_path / "out", "axial")
