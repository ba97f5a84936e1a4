"""Volumes at the command line, from an import to a prediction."""

import json

import numpy as np
import pytest
from volumes import body, write_nifti

nibabel = pytest.importorskip("nibabel")


@pytest.fixture
def scans(tmp_path):
    """A scan and its labels."""
    voxels, labels = body()
    write_nifti(tmp_path / "scans" / "p1.nii.gz", voxels)
    write_nifti(tmp_path / "labels" / "p1.nii.gz", labels)
    return tmp_path


def test_an_import_says_what_it_made(weakseg, scans):
    """Volumes, slices, plane, range, and that 0 is no class."""
    words = ("import", scans / "labels", "--images", scans / "scans", "--into", scans / "data")
    said = weakseg(*words, "--name", "1=liver")

    assert said.code == 0
    for part in ("1 volume, 8 axial slices, 2 with labels", "liver", "0=background", "--name 2=NAME", "volumes.json"):
        assert part in said.out
    assert weakseg("check", scans / "data").code == 0


def test_scripts_get_the_same(weakseg, scans):
    """One JSON object."""
    words = ("import", scans / "labels", "--images", scans / "scans", "--into", scans / "data", "--json")
    told = json.loads(weakseg(*words).out)

    assert told["labelled_slices"] == 2
    assert told["voxels"] == {"1": 21, "2": 9}


@pytest.mark.parametrize("words", [("--plane", "oblique"), ("--as", "mask=box")])
def test_words_that_mean_nothing_are_refused(weakseg, scans, words):
    """Nothing is written."""
    said = weakseg("import", scans / "labels", "--images", scans / "scans", "--into", scans / "data", *words)

    assert said.code == 2
    assert not (scans / "data").exists()


def test_a_plane_is_of_volumes_alone(weakseg, hearts, tmp_path):
    """Images have none."""
    said = weakseg("import", hearts, "--images", hearts / "images", "--into", tmp_path / "data", "--plane", "axial")

    assert said.code == 2


def test_a_missing_package_is_one_sentence(weakseg, scans, monkeypatch):
    """With the line that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    said = weakseg("import", scans / "labels", "--images", scans / "scans", "--into", scans / "data")

    assert said.code == 2
    assert "pip install 'weakseg[nifti]'" in said.err


def test_a_run_on_slices_predicts_volumes(weakseg, scans):
    """As the import says to train it; in the training's plane, with the values of the labels."""
    words = ("import", scans / "labels", "--images", scans / "scans", "--into", scans / "data")
    made = weakseg(*words, "--name", "0=background")
    (advised,) = (line.split() for line in made.out.splitlines() if line.startswith("  weakseg train"))
    assert advised[1:] == ["train", str(scans / "data"), "--labels", "masks", "--out", "runs/first"]
    advised[-1:] = [scans / "run", "--network", "unet", "--epochs", "1"]
    assert weakseg(*advised[1:]).code == 0
    said = weakseg("predict", scans / "run", scans / "scans" / "p1.nii.gz", "--out", scans / "out")
    found = nibabel.load(scans / "out" / "p1.nii.gz")

    assert said.code == 0, said.err
    assert "1 volume of axial slices" in said.out
    assert found.shape == (12, 10, 8)
    assert (found.affine == nibabel.load(scans / "scans" / "p1.nii.gz").affine).all()
    assert {*np.unique(np.asarray(found.dataobj)).tolist()} <= {0, 1, 2}
    refused = weakseg("predict", scans / "run", scans / "scans" / "p1.nii.gz", "--out", scans / "out", "--overlays")
    assert refused.code == 2
