"""Promises of the Pascal VOC 2012 + SBD reader, on tiny images in the published layouts."""

import pickle

import numpy as np
import pytest
from dataset_contract import check_dataset
from PIL import Image
from scipy.io import savemat

from weakseg.data.published import voc
from weakseg.data.published.voc import VOC_CLASSES, Voc
from weakseg.data.sample import Dataset
from weakseg.errors import DataInvalid
from weakseg.types import ABSENT, PRESENT, UNLABELED

LISTS = {"train": ["2007_1", "2007_2"], "val": ["2007_3"]}
SBD = {"train": ["2008_4", "2007_3"], "val": ["2008_5", "2007_1"]}


def mask(thing: int, void: bool = True) -> np.ndarray:
    """A 6 by 8 mask with a thing, and with void around it as in VOC's own."""
    values = np.zeros((6, 8), np.uint8)
    values[1:5, 1:5] = 255 if void else 0
    values[2:4, 2:4] = thing
    return values


def save_palette(path, values):
    """A palette PNG, as VOC's masks are."""
    image = Image.fromarray(values)
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    path.parent.mkdir(exist_ok=True)
    image.save(path)


@pytest.fixture
def home(tmp_path):
    """VOC2012 with two training images, one for validation, and two that only SBD has masks of."""
    home = tmp_path / "VOCdevkit" / "VOC2012"
    (home / "JPEGImages").mkdir(parents=True)
    (home / "ImageSets" / "Segmentation").mkdir(parents=True)
    for key in ("2007_1", "2007_2", "2007_3", "2008_4", "2008_5"):
        Image.new("RGB", (8, 6), (200, 100, 50)).save(home / "JPEGImages" / f"{key}.jpg")
    for name, keys in LISTS.items():
        (home / "ImageSets" / "Segmentation" / f"{name}.txt").write_text("\n".join(keys) + "\n")
        for number, key in enumerate(keys, start=1):
            save_palette(home / "SegmentationClass" / f"{key}.png", mask(number))
    return home


@pytest.fixture
def sbd(tmp_path):
    """SBD's folder `dataset`; its masks say 20 everywhere, so that they are told from VOC's own."""
    sbd = tmp_path / "benchmark_RELEASE" / "dataset"
    (sbd / "cls").mkdir(parents=True)
    for name, keys in SBD.items():
        (sbd / f"{name}.txt").write_text("\n".join(keys) + "\n")
        for key in keys:
            cls = np.zeros((1, 1), [("Boundaries", object), ("Segmentation", object), ("CategoriesPresent", object)])
            cls[0, 0] = ([], mask(20, void=False), [[20]])
            savemat(sbd / "cls" / f"{key}.mat", {"GTcls": cls})
    return sbd


def test_it_keeps_the_contract_of_data_sets(home, sbd):
    """With masks of both kinds."""
    check_dataset(Voc(str(home), sbd=str(sbd)))


def test_train_aug_is_sbd_and_train_less_val(home, sbd):
    """Without a list, train_aug is put together, and no image of val is in it."""
    assert Voc(str(home), sbd=str(sbd)).keys == ("2007_1", "2007_2", "2008_4", "2008_5")


def test_train_aug_from_converted_masks(home):
    """SegmentationClassAug does instead of SBD's own files."""
    for key in ("2008_4", "2007_3", "2007_1"):
        save_palette(home / "SegmentationClassAug" / f"{key}.png", mask(20, void=False))
    data = Voc(str(home))
    assert data.keys == ("2007_1", "2007_2", "2008_4")
    assert (data[2].truth == mask(20, void=False)).all()


@pytest.mark.parametrize("line", ["2008_4", "/JPEGImages/2008_4.jpg /SegmentationClassAug/2008_4.png"])
def test_lists_are_taken_as_they_are(home, sbd, line):
    """A train_aug list comes first, be it of keys or of paths as DeepLab's."""
    (home / "ImageSets" / "Segmentation" / "train_aug.txt").write_text(f"{line}\n")
    assert Voc(str(home), sbd=str(sbd)).keys == ("2008_4",)


def test_own_masks_come_before_those_of_sbd(home, sbd):
    """Where both have a mask VOC's own is used, and its border is void."""
    sample = Voc(str(home), sbd=str(sbd))[0]
    assert sample.key == "2007_1"
    assert set(np.unique(sample.truth)) == {UNLABELED, 0, 1}
    assert np.array_equal(sample.valid, mask(1) != 255)


def test_mat_files_are_read(home, sbd):
    """SBD's structure GTcls.Segmentation holds the class indices, and no void."""
    sample = Voc(str(home), sbd=str(sbd))[2]
    assert np.array_equal(sample.truth, mask(20, void=False))
    assert sample.valid.all()


def test_samples_are_fully_labelled(home):
    """The mask is the training label, and classes without a pixel are absent."""
    sample = Voc(str(home), "train")[0]
    assert np.array_equal(sample.seeds, sample.truth)
    assert sample.tags.tolist() == [PRESENT, PRESENT] + [ABSENT] * 19
    assert sample.image.shape == (3, 6, 8)


def test_root_may_be_a_folder_above(home):
    """VOC2012, VOCdevkit and the folder VOCdevkit lies in give the same data set."""
    for root in (home, home.parent, home.parent.parent):
        assert Voc(str(root), "val").keys == ("2007_3",)


def test_voc_is_a_dataset_of_21_classes_that_travels(home):
    """It satisfies the protocol, hashes and pickles."""
    data = Voc(str(home), "train")
    assert isinstance(data, Dataset)
    assert len(data.classes) == 21
    assert VOC_CLASSES.names[VOC_CLASSES.background] == "background"
    assert hash(pickle.loads(pickle.dumps(data))) == hash(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda home: save_palette(home / "SegmentationClass" / "2007_1.png", mask(21)),
        lambda home: save_palette(home / "SegmentationClass" / "2007_1.png", mask(1)[:3]),
        lambda home: (home / "SegmentationClass" / "2007_1.png").unlink(),
        lambda home: (home / "JPEGImages" / "2007_1.jpg").unlink(),
    ],
)
def test_bad_images_are_named(home, spoil):
    """Undeclared values, missing files and masks of another size are refused with the image's name."""
    spoil(home)
    with pytest.raises(DataInvalid, match="2007_1"):
        Voc(str(home), "train")[0]


@pytest.mark.parametrize("content", [b"", b"no mat file", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_damaged_mat_files_are_named(home, sbd, content):
    """A file that SciPy cannot read is refused, not passed over."""
    (sbd / "cls" / "2008_4.mat").write_bytes(content)
    with pytest.raises(DataInvalid, match=r"2008_4\.mat"):
        Voc(str(home), sbd=str(sbd))[2]


def test_mat_files_of_another_structure_are_refused(home, sbd):
    """GTinst files, which lie beside them, hold instances."""
    savemat(sbd / "cls" / "2008_4.mat", {"GTinst": mask(1)})
    with pytest.raises(DataInvalid, match="GTcls"):
        Voc(str(home), sbd=str(sbd))[2]


def test_missing_lists_and_folders_say_what_to_do(home, tmp_path):
    """No such split, no masks of SBD, no JPEGImages, an empty list."""
    with pytest.raises(DataInvalid, match=r"test\.txt"):
        len(Voc(str(home), "test"))
    with pytest.raises(DataInvalid, match="SegmentationClassAug"):
        len(Voc(str(home)))
    with pytest.raises(DataInvalid, match="JPEGImages"):
        len(Voc(str(home / "ImageSets")))
    (home / "ImageSets" / "Segmentation" / "val.txt").write_text("\n")
    with pytest.raises(DataInvalid, match="empty"):
        len(Voc(str(home), "val"))


def test_a_mask_far_too_large_is_told_of_before_it_is_unpacked(home, sbd, monkeypatch):
    """A small file may unpack to all the memory there is."""
    cls = np.zeros((1, 1), [("Segmentation", object)])
    cls[0, 0] = (np.zeros((2000, 2000), np.uint8),)
    savemat(sbd / "cls" / "2008_4.mat", {"GTcls": cls}, do_compression=True)
    assert (sbd / "cls" / "2008_4.mat").stat().st_size < 10_000
    monkeypatch.setattr(voc, "loadmat", lambda *_, **__: pytest.fail("it was unpacked"))

    with pytest.raises(DataInvalid, match=r"holds 4,\d{3},\d{3} bytes once unpacked\n.*48 pixels"):
        Voc(str(home), sbd=str(sbd))[2]


def test_the_size_of_a_mask_is_told_of_before_it_is_decoded(home):
    """Of this one there is only the header."""
    file = home / "SegmentationClass" / "2007_1.png"
    Image.new("P", (900, 700)).save(file)
    file.write_bytes(file.read_bytes()[:60])

    with pytest.raises(DataInvalid, match="900 wide and 700 high"):
        Voc(str(home), "train")[0]
