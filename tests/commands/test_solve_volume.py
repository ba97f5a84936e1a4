"""`weakseg solve` for volumes: a scan and scribbles on some slices to labels on the same grid."""

import json

import numpy as np
import pytest
from volumes import AFFINE, write_nifti, write_nrrd

from weakseg.data.volumes.volume import read_volume


def scan_and_marks():
    """A bright block in noise, scribbled on one axial slice."""
    voxels = np.random.default_rng(0).integers(0, 200, (14, 12, 6)).astype(np.int16)
    voxels[4:10, 3:9, 1:5] += 900
    marks = np.zeros(voxels.shape, np.uint8)
    marks[5:8, 5, 2], marks[1, 1:10, 2], marks[12, 1:10, 2] = 1, 2, 2
    return voxels, marks


@pytest.mark.parametrize(("write", "end"), [(write_nifti, ".nii.gz"), (write_nrrd, ".nrrd")])
def test_labels_lie_on_the_grid_of_the_scan(weakseg, tmp_path, write, end):
    """The block on every slice, the affine map kept, the certificate told."""
    voxels, marks = scan_and_marks()
    scan, drawn, out = write(tmp_path / f"scan{end}", voxels), write(tmp_path / f"drawn{end}", marks), f"out{end}"
    said = weakseg("solve", scan, "--scribbles", drawn, "--out", tmp_path / out, "--json")
    assert said.code == 0, said.err
    told, found = json.loads(said.out), read_volume(tmp_path / out)
    assert told["labels"] == [1, 2]
    assert 0 <= told["gap"] < 0.01
    assert found.grid.is_like(read_volume(scan).grid)
    truth = np.full(voxels.shape, 2)
    truth[4:10, 3:9, 1:5] = 1
    assert (found.voxels == truth).mean() > 0.97
    said = weakseg("solve", scan, "--scribbles", drawn, "--out", tmp_path / out)
    assert said.code
    assert "exists" in said.err


def test_what_does_not_fit_a_volume_is_refused_at_once(weakseg, tmp_path):
    """All findings together, before anything is read; then another grid, with both printed."""
    voxels, marks = scan_and_marks()
    scan, drawn = write_nifti(tmp_path / "scan.nii.gz", voxels), write_nifti(tmp_path / "drawn.nii.gz", marks)
    said = weakseg(
        "solve", scan, "--scribbles", drawn, "--out", tmp_path / "mask.png", "--ignore-exif", "--unlabeled", "#ff0000"
    )
    assert said.code
    assert all(text in said.err for text in (".nii or .nii.gz", "--ignore-exif", "a whole number"))
    moved = AFFINE.copy()
    moved[0, 3] += 5
    write_nifti(tmp_path / "moved.nii.gz", marks, moved)
    said = weakseg("solve", scan, "--scribbles", tmp_path / "moved.nii.gz", "--out", tmp_path / "out.nii.gz")
    assert said.code
    assert "another grid" in said.err
    assert "35" in said.err
    assert "30" in said.err
    assert not (tmp_path / "out.nii.gz").exists()
    single = np.where(marks == 1, 1, 0).astype(np.uint8)
    write_nifti(tmp_path / "one.nii.gz", single)
    said = weakseg("solve", scan, "--scribbles", tmp_path / "one.nii.gz", "--out", tmp_path / "out.nii.gz")
    assert said.code
    assert "two labels or more" in said.err
    assert "Traceback" not in said.err


def test_a_volume_that_is_nearly_all_background_keeps_its_values_apart(weakseg, tmp_path):
    """Where the outer half percents are one value; infinite voxels are black and white and change no other."""
    voxels = np.zeros((30, 30, 10), np.float32)
    voxels[4:8, 4:8, 4:6], voxels[20:24, 20:24, 4:6] = 200, 1000
    voxels[0, 0, 0] = np.inf
    marks = np.zeros(voxels.shape, np.uint8)
    marks[5, 5, 4], marks[21, 21, 4], marks[14, 2:28, 4] = 1, 2, 3
    scan, drawn = write_nifti(tmp_path / "scan.nii.gz", voxels), write_nifti(tmp_path / "drawn.nii.gz", marks)
    said = weakseg("solve", scan, "--scribbles", drawn, "--out", tmp_path / "out.nii.gz")
    assert said.code == 0, said.err
    found = read_volume(tmp_path / "out.nii.gz").voxels
    assert (found[4:8, 4:8, 4:6] == 1).mean() > 0.9
    assert (found[20:24, 20:24, 4:6] == 2).mean() > 0.9


@pytest.mark.parametrize("options", [("--range", "4000", "0"), ("--range", "nan", "5"), ("--unlabeled=--5",)])
def test_numbers_that_mean_nothing_are_refused(weakseg, tmp_path, options):
    """By the name of the option, and nothing is written."""
    voxels, marks = scan_and_marks()
    scan, drawn = write_nifti(tmp_path / "scan.nii.gz", voxels), write_nifti(tmp_path / "drawn.nii.gz", marks)
    said = weakseg("solve", scan, "--scribbles", drawn, "--out", tmp_path / "out.nii.gz", *options)
    assert said.code
    assert options[0].partition("=")[0] in said.err
    assert "bug" not in said.err
    assert not (tmp_path / "out.nii.gz").exists()
