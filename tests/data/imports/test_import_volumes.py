"""Volumes become folders of slices: what is labelled stays labelled, and nothing else is."""

import json

import numpy as np
import pytest
from volumes import AFFINE, body, write_nifti, write_nrrd

from weakseg.classes import UNLABELED
from weakseg.data.check.check import check
from weakseg.data.folder.folder import Folder
from weakseg.data.imports.import_volumes import import_volumes
from weakseg.data.imports.volume_pairs import pairs_of
from weakseg.errors import DataInvalid
from weakseg.marks.uses import Uses

USUAL = Uses()
nibabel = pytest.importorskip("nibabel")
pytest.importorskip("nrrd")


@pytest.fixture
def scans(tmp_path):
    """Two scans, with labels on two slices of each."""
    for number, name in enumerate(("p1", "p2")):
        voxels, labels = body(seed=number)
        write_nifti(tmp_path / "scans" / f"{name}.nii.gz", voxels)
        write_nifti(tmp_path / "labels" / f"{name}.nii.gz", labels)
    return tmp_path


def imported(root, *sources, uses=USUAL, **options):
    """The folder that an import makes."""
    made = import_volumes(sources or (root / "labels",), root / "scans", root / "data", uses, **options)
    return made, Folder(str(root / "data"), "all")


def test_slices_are_images_of_their_volume(scans):
    """Their values are exact, their volume has its own name, and few of them are in train.txt."""
    made, folder = imported(scans)
    sample, labels = folder[folder.keys.index("p1/002")], body()[1]
    low, high = made.range

    assert made.plane == "axial"
    assert len(folder) == 16
    assert sample.volume == "p1"
    # Anterior is on top, and the second axis of the file runs to anterior.
    assert sample.seeds.tolist() == np.where(labels[:, ::-1, 2].T == 0, UNLABELED, labels[:, ::-1, 2].T - 1.0).tolist()
    values = body()[0][:, ::-1, 2].T.clip(low, high)
    assert np.allclose(sample.image[0], (values - low) / (high - low), atol=1e-6)
    assert Folder(str(scans / "data")).keys == ("p1/002", "p1/005", "p2/002", "p2/005")


def test_slices_without_a_label_are_unlabelled(scans):
    """Never background; nor is the rest of a labelled slice."""
    _, folder = imported(scans)

    assert (folder[folder.keys.index("p1/003")].seeds == UNLABELED).all()
    assert not check(str(scans / "data")).refused


def test_zero_is_a_class_if_that_is_said(scans):
    """The others have the classes that their values are called, or none."""
    made, folder = imported(scans, uses=Uses(names=(("0", "background"), ("1", "liver"), ("2", "ignore"))))

    assert made.classes == ("background", "liver")
    assert (folder[folder.keys.index("p1/003")].seeds == 0).all()


def test_complete_labels_are_masks(scans):
    """For evaluation, and for training on request."""
    _, folder = imported(scans, uses=Uses(names=(("0", "background"),)))

    assert folder[0].truth is not None
    assert (folder[0].seeds == UNLABELED).all()
    assert folder.numbers == (0, 1, 2)


def test_the_place_of_each_slice_is_kept(scans):
    """In volumes.json, which a check knows."""
    imported(scans)
    table = json.loads((scans / "data" / "volumes.json").read_text())

    assert table["plane"] == "axial"
    assert np.allclose(table["volumes"]["p1"]["affine"], AFFINE, atol=1e-5)
    assert np.allclose(table["volumes"]["p1"]["spacing_mm"], (0.8, 0.8, 3))
    assert not [each for each in check(str(scans / "data")).findings if "volumes.json" in each.found]


def test_labels_on_another_grid_are_refused_with_both(scans):
    """All of them together, and nothing is written."""
    moved = AFFINE.copy()
    moved[2, 3] += 0.01
    write_nifti(scans / "labels" / "p1.nii.gz", body()[1], moved)
    write_nifti(scans / "labels" / "p2.nii.gz", body()[1][:-1])
    with pytest.raises(DataInvalid) as caught:
        imported(scans)

    assert len(caught.value.problems) == 2
    assert "5.01" in caught.value.problems[0].found
    assert "0 0 3 5" in caught.value.problems[0].expected
    assert "11 x 10 x 8" in caught.value.problems[1].found
    assert not (scans / "data").exists()


def test_a_thousandth_of_a_millimetre_is_no_other_grid(scans):
    """Programs round."""
    moved = AFFINE.copy()
    moved[:3, 3] += 5e-4
    write_nifti(scans / "labels" / "p1.nii.gz", body()[1], moved)

    assert imported(scans)[0].labelled == 4


def test_slices_lie_in_the_plane_in_which_people_drew(scans):
    """Whatever the order of the axes in the file, which is said."""
    for name in ("p1", "p2"):
        voxels, labels = body(), np.zeros((12, 10, 8), np.uint8)
        labels[4, 2:8, 1:7] = 1
        write_nifti(scans / "labels" / f"{name}.nii.gz", labels)
        assert voxels[0].shape == labels.shape
    made, folder = imported(scans)

    assert made.plane == "sagittal"
    assert "labels lie on 2 of these slices" in made.notes[0]
    assert Folder(str(scans / "data")).keys == ("p1/004", "p2/004")
    assert folder[0].valid.shape == (8, 10)


def test_volumes_of_other_orientations_lie_alike(scans):
    """A label at the patient's left and front is at the right and top of every axial slice."""
    for name, signs in (("p1", (1, 1)), ("p2", (-1, -1))):
        affine = np.diag([*signs, 3.0, 1.0])
        voxels, labels = np.zeros((6, 6, 4), np.int16), np.zeros((6, 6, 4), np.uint8)
        left, front = (0 if signs[0] > 0 else -1), (-1 if signs[1] > 0 else 0)
        labels[left, front, 1], voxels[0, 0, 0] = 1, 9
        write_nifti(scans / "scans" / f"{name}.nii.gz", voxels, affine)
        write_nifti(scans / "labels" / f"{name}.nii.gz", labels, affine)
    _, folder = imported(scans, plane="axial")

    for key in ("p1/001", "p2/001"):
        assert np.argwhere(folder[folder.keys.index(key)].seeds == 0).tolist() == [[0, 5]]


class TestNames:
    """Which labels belong to which image."""

    @pytest.mark.parametrize(
        "name",
        ["p1.nii.gz", "p1_label.nii.gz", "p1-seg.nii", "P1_x.nii.gz", "p1.seg.nrrd", "p1_Segmentation.seg.nrrd",
         "p1_label_made_here.nii.gz", "p1_scribbles_seg.nii.gz"],
    )  # fmt: skip
    def test_labels_are_named_like_their_image(self, tmp_path, name):
        """With what people add to it."""
        (tmp_path / "scans").mkdir()
        (tmp_path / "labels").mkdir()
        for case in ("p1", "p10", "P1_x"):
            (tmp_path / "scans" / f"{case}.nii.gz").touch()
        (tmp_path / "labels" / name).touch()
        (found,) = pairs_of((tmp_path / "labels",), tmp_path / "scans").pairs

        assert found == ("P1_x" if name.startswith("P1_x") else "p1")

    def test_labels_may_lie_beside_their_images(self, tmp_path):
        """In one folder, which is named twice."""
        for name in ("p1.nii", "p1_label.nii", "p2.nii"):
            (tmp_path / name).touch()
        found = pairs_of((tmp_path,), tmp_path)

        assert [path.name for path in found.pairs["p1"]] == ["p1.nii", "p1_label.nii"]
        assert [path.name for path in found.unlabelled] == ["p2.nii"]

    def test_two_labels_of_an_image_are_an_error(self, tmp_path):
        """Both are listed."""
        for name in ("p1.nii", "p1_label.nii", "p1_seg.nii"):
            (tmp_path / name).touch()
        with pytest.raises(DataInvalid, match=r"p1_label\.nii and .*p1_seg\.nii"):
            pairs_of((tmp_path,), tmp_path)

    def test_labels_without_an_image_are_told(self, scans):
        """And images without labels."""
        write_nifti(scans / "labels" / "lost.nii.gz", body()[1])
        write_nifti(scans / "scans" / "p3.nii.gz", body()[0])
        made, _ = imported(scans)

        assert [path.name for path in made.pairs.strays] == ["lost.nii.gz"]
        assert [path.name for path in made.pairs.unlabelled] == ["p3.nii.gz"]


class TestNnunet:
    """Raw data sets of nnU-Net."""

    @pytest.fixture
    def raw(self, tmp_path):
        """A data set with an ignore label."""
        folder = tmp_path / "Dataset001_Organs"
        voxels, labels = body()
        labels = np.where(labels == 0, 3, labels).astype(np.uint8)
        labels[0, 0, 2] = 0
        write_nifti(folder / "imagesTr" / "case_001_0000.nii.gz", voxels)
        write_nifti(folder / "labelsTr" / "case_001.nii.gz", labels)
        self.declare(folder, {"background": 0, "liver": 1, "kidney": 2, "ignore": 3})
        return folder

    @staticmethod
    def declare(folder, labels, **more):
        """Write dataset.json."""
        said = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1, "file_ending": ".nii.gz", **more}
        (folder / "dataset.json").write_text(json.dumps(said))

    def made(self, raw, name="data"):
        """The import of the data set."""
        import_volumes((raw,), raw, raw.parent / name, Uses())
        return Folder(str(raw.parent / name), "all")

    def test_its_ignore_label_is_unlabelled(self, raw):
        """And background is a class, drawn where it has its value."""
        folder = self.made(raw)
        sample = folder[folder.keys.index("case_001/002")]

        assert folder.classes.names == ("background", "liver", "kidney")
        assert {*np.unique(sample.seeds).tolist()} == {UNLABELED, 0, 1, 2}
        assert (sample.seeds == 0).sum() == 1
        assert (folder[0].seeds == UNLABELED).all()

    def test_without_one_every_voxel_is_labelled(self, raw):
        """They are masks."""
        write_nifti(raw / "labelsTr" / "case_001.nii.gz", body()[1])
        self.declare(raw, {"background": 0, "liver": 1, "kidney": 2})

        assert self.made(raw)[0].truth is not None

    def test_values_that_it_does_not_declare_are_refused(self, raw):
        """With those that it does."""
        self.declare(raw, {"background": 0, "liver": 1, "ignore": 3})
        with pytest.raises(DataInvalid, match=r"(?s)values 2.*1 \(liver\)"):
            self.made(raw)

    def test_regions_become_the_classes_of_their_values(self, raw):
        """A value is the region that it stands for in nnU-Net's own export."""
        regions = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}
        self.declare(raw, regions, regions_class_order=[1, 2])
        folder = self.made(raw)

        assert folder.classes.names == ("background", "whole", "core")
        self.declare(raw, regions)
        with pytest.raises(DataInvalid, match="regions_class_order"):
            self.made(raw, "other")

    def test_the_earlier_version_of_its_declaration_is_read(self, raw):
        """Values before names, and modality for channels."""
        said = {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "liver", "2": "kidney", "3": "x"}}
        (raw / "dataset.json").write_text(json.dumps(said))

        assert self.made(raw).classes.names == ("background", "liver", "kidney", "x")

    @pytest.mark.parametrize(
        ("more", "words"), [({"channel_names": {"0": "T1", "1": "T2"}}, "2 channels"), ({"file_ending": ".png"}, "png")]
    )
    def test_what_is_not_read_is_refused(self, raw, more, words):
        """With what to do."""
        self.declare(raw, {"background": 0}, **more)
        with pytest.raises(DataInvalid, match=words):
            self.made(raw)


class TestSlicer:
    """Segmentations of 3D Slicer."""

    FIELDS = {"Segment0_Name": "tumour", "Segment0_LabelValue": "1"}

    def test_a_part_of_the_image_s_grid_is_put_in_its_place(self, scans):
        """Slicer stores no more than the box around the segments."""
        labels = np.zeros((12, 10, 8), np.uint8)
        labels[3:6, 4:7, 2:4] = 1
        affine = AFFINE.copy()
        affine[:3, 3] = (AFFINE @ [3, 4, 2, 1])[:3]
        (scans / "labels" / "p1.nii.gz").unlink()
        write_nrrd(scans / "labels" / "p1.seg.nrrd", labels[3:6, 4:7, 2:4], affine, **self.FIELDS)
        made, folder = imported(scans, scans / "labels" / "p1.seg.nrrd", plane="axial")

        assert made.classes == ("tumour",)
        assert (folder[2].seeds == 0).tolist() == (labels[:, ::-1, 2].T == 1).tolist()
        assert made.voxels["tumour"] == 18

    def test_its_own_grid_elsewhere_is_refused(self, scans):
        """Between voxels nothing is moved."""
        affine = AFFINE.copy()
        affine[0, 3] += 0.3
        write_nrrd(scans / "p1.seg.nrrd", np.ones((2, 2, 2), np.uint8), affine, **self.FIELDS)
        with pytest.raises(DataInvalid, match="another grid"):
            imported(scans, scans / "p1.seg.nrrd")


def test_names_of_itk_snap_are_taken(scans):
    """From its label descriptions."""
    lines = ["# ITK-SnAP Label Description File", '0 0 0 0 0 0 0 "Clear Label"', '1 255 0 0 1 1 1 "Liver"']
    (scans / "names.txt").write_text("\n".join(lines))
    made, _ = imported(scans, scans / "labels", scans / "names.txt")

    assert made.classes == ("Liver", "2")


def test_numbers_of_objects_are_no_classes(scans):
    """Thousands of values are refused; nothing labelled is, too."""
    write_nifti(scans / "labels" / "p1.nii.gz", np.arange(960).reshape(12, 10, 8).astype(np.int16))
    write_nifti(scans / "labels" / "p2.nii.gz", np.zeros((12, 10, 8), np.uint8))
    made, _ = imported(scans)
    assert len(made.classes) == 959
    write_nifti(scans / "scans" / "p1.nii.gz", np.zeros((12, 10, 10), np.int16))
    write_nifti(scans / "labels" / "p1.nii.gz", np.arange(1200).reshape(12, 10, 10).astype(np.int16))
    with pytest.raises(DataInvalid, match="1,200 different values"):
        import_volumes((scans / "labels",), scans / "scans", scans / "other", Uses())


def test_eight_bits_stay_eight_bits(scans):
    """They are black to white as they are."""
    for name in ("p1", "p2"):
        write_nifti(scans / "scans" / f"{name}.nii.gz", body()[0].clip(0, 255).astype(np.uint8))
    made, folder = imported(scans)

    assert made.range is None
    assert folder[0].image.max() == 1


def test_voxels_without_a_value_are_void(scans):
    """Outside the field of view some programs write nan."""
    voxels = body()[0].astype(np.float32)
    voxels[0] = np.nan
    write_nifti(scans / "scans" / "p1.nii.gz", voxels)
    _, folder = imported(scans)

    assert not folder[0].valid[:, 0].any()
    assert folder[0].valid[:, 1:].all()
