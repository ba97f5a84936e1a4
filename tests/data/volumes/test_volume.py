"""Volumes in files: as stored, on the grid that the header states, and no more than it claims."""

import gzip
import random
from contextlib import suppress

import numpy as np
import pytest
from volumes import AFFINE, body, write_nifti, write_nrrd

from weakseg.data.volumes.grid import Grid
from weakseg.data.volumes.volume import ending_of, read_header, read_volume, stem_of, whole_numbers
from weakseg.errors import DataInvalid

nibabel = pytest.importorskip("nibabel")
nrrd = pytest.importorskip("nrrd")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_voxels_and_grid_are_those_that_were_written(tmp_path, name, dtype):
    """In both formats, in the world coordinates of NIfTI."""
    voxels = body()[0].astype(dtype)
    path = (write_nrrd if "nrrd" in name else write_nifti)(tmp_path / name, voxels)
    read, header = read_volume(path), read_header(path)

    assert (read.voxels == voxels).all()
    assert read.grid.is_like(Grid(voxels.shape, AFFINE))
    assert header.grid.is_like(read.grid)
    assert header.voxels.dtype.newbyteorder("=") == read.voxels.dtype.newbyteorder("=") == dtype


def test_names_lose_what_says_the_format(tmp_path):
    """Double endings too, in any case."""
    names = ("p.1.nii.gz", "p1.NII.GZ", "p1.seg.nrrd", "p1.nrrd", "p1.png", ".nii")

    assert [stem_of(tmp_path / name) for name in names] == ["p.1", "p1", "p1", "p1", "", ""]
    assert ending_of(tmp_path / "p1.NII.GZ") == ".NII.GZ"


def test_values_are_scaled_as_the_header_says(tmp_path):
    """Labels that a program scaled are still whole numbers; fractions are none."""
    path = write_nifti(tmp_path / "a.nii", np.array([[[0, 2, 4]]], np.float64), slope=0.5)

    assert whole_numbers(path, read_volume(path).voxels).tolist() == [[[0, 1, 2]]]
    with pytest.raises(DataInvalid, match="whole numbers"):
        whole_numbers(path, np.array([[[0.25]]]))
    with pytest.raises(DataInvalid, match="whole numbers"):
        whole_numbers(path, np.array([[[np.nan]]]))


def test_segments_of_3d_slicer_have_names_and_layers(tmp_path):
    """Later segments cover earlier ones; names keep letters that are not ASCII."""
    voxels = np.zeros((2, 3, 4, 5), np.uint8)
    voxels[0, 0], voxels[1, 0, 0] = 1, 7
    fields = {
        "Segment0_Name": "Laesion", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
        "Segment1_Name": "vessel", "Segment1_LabelValue": "7", "Segment1_Layer": "1",
    }  # fmt: skip
    path = write_nrrd(tmp_path / "a.seg.nrrd", voxels, **fields)
    # pynrrd writes ASCII alone, and 3D Slicer UTF-8.
    path.write_bytes(path.read_bytes().replace(b"Laesion", "Läsion".encode()))
    read = read_volume(path)

    assert read.names == {1: "Läsion", 2: "vessel"}
    assert read.voxels[0, 0].tolist() == [2] * 5
    assert read.voxels[0, 1].tolist() == [1] * 5
    assert read.grid.is_like(Grid((3, 4, 5), AFFINE))


def test_several_values_a_voxel_are_refused(tmp_path):
    """Times, channels and colours; a last axis of one is none."""
    voxels = np.zeros((3, 4, 5, 2), np.int16)
    with pytest.raises(DataInvalid, match="3 x 4 x 5 x 2"):
        read_volume(write_nifti(tmp_path / "a.nii", voxels))
    assert read_volume(write_nifti(tmp_path / "b.nii", voxels[..., :1])).grid.shape == (3, 4, 5)
    colours = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(DataInvalid, match="numbers"):
        read_volume(write_nifti(tmp_path / "c.nii", colours))
    with pytest.raises(DataInvalid, match="kinds"):
        read_volume(
            write_nrrd(tmp_path / "d.nrrd", np.zeros((3, 4, 5), np.uint8), kinds=["vector", "domain", "domain"])
        )


def test_voxels_in_another_file_are_refused(tmp_path):
    """A header could name any file."""
    header = b"NRRD0004\ntype: uint8\ndimension: 1\nsizes: 3\nencoding: raw\ndata file: /etc/passwd\n\n"
    (tmp_path / "a.nrrd").write_bytes(header)
    with pytest.raises(DataInvalid, match="another file"):
        read_volume(tmp_path / "a.nrrd")


def test_no_more_is_unpacked_than_the_header_claims(tmp_path):
    """A few kilobytes that would become a gigabyte; and a header that claims more than there is memory."""
    path = write_nifti(tmp_path / "a.nii", np.zeros((2, 2, 2), np.uint8))
    path.with_suffix(".nii.gz").write_bytes(gzip.compress(path.read_bytes() + bytes(2**24)))
    assert read_volume(tmp_path / "a.nii.gz").voxels.size == 8

    header = bytearray(path.read_bytes())
    header[42:48] = np.array([32000] * 3, np.int16).tobytes()
    (tmp_path / "b.nii").write_bytes(header)
    with pytest.raises(DataInvalid, match="memory"):
        read_volume(tmp_path / "b.nii")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.seg.nrrd"])
def test_damaged_files_end_in_a_reason(tmp_path, name):
    """Bytes are lost and changed: a volume or a message, and nothing else."""
    fields = {"Segment0_Name": "x", "Segment0_LabelValue": "1"} if "seg" in name else {}
    path = tmp_path / name
    _, labels = body()
    write_nrrd(path, np.minimum(labels, 1), **fields) if "nrrd" in name else write_nifti(path, labels)
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(150):
        hurt = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(min(len(hurt), 700))
            hurt[at : at + chance.randint(0, 4)] = bytes(chance.randrange(256) for _ in range(chance.randint(0, 4)))
        path.write_bytes(hurt[: chance.choice([len(hurt), len(hurt) // 2])])
        with suppress(DataInvalid):
            read_volume(path)


@pytest.mark.parametrize("name", ["a.mha", "a.hdr", "a.png"])
def test_other_formats_are_refused(tmp_path, name):
    """With what to do."""
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataInvalid, match=r"\.nii\.gz"):
        read_volume(tmp_path / name)
