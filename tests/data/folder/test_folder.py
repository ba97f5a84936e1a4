"""A data folder in the plain layout, and everything that can be wrong with one."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.folder import Folder, find
from weakseg.data.sample import Dataset
from weakseg.errors import DataInvalid
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD, Classes

MASK = np.array([[0, 0, 1, 1], [0, 255, 2, 1], [0, 0, 2, 2]], np.uint8)
SCRIBBLE = np.array([[0, 255, 255, 1], [255, 0, 255, 255], [255, 255, 255, 255]], np.uint8)
NAMES = ("background", "cow", "horse")


def save(path, array):
    """Writes an image, in a folder that need not be there."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(array).save(path)


def write(path, *lines):
    """Writes a text file, in a folder that need not be there."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def farm(tmp_path):
    """Four images: a and b are for training, c and d for validation; d has no scribble and b no mask."""
    for number, key in enumerate("abcd"):
        save(tmp_path / "images" / f"{key}.png", np.full((3, 4, 3), 10 * number, np.uint8))
        if key != "d":
            save(tmp_path / "scribbles" / f"{key}.png", SCRIBBLE)
        if key != "b":
            save(tmp_path / "masks" / f"{key}.png", MASK)
    write(tmp_path / "classes.txt", *NAMES)
    write(tmp_path / "splits" / "train.txt", "b", "a")
    write(tmp_path / "splits" / "val.txt", "c", "d")
    return tmp_path


def folder(root, *rest, **more):
    """The training split, unless another is asked for."""
    return Folder(str(root), *rest, **more)


def refused(data, index=None):
    """The error of a data set, or of one of its samples."""
    with pytest.raises(DataInvalid) as error:
        len(data) if index is None else data[index]
    return error.value


# ------------------------------------------------------------------------------------------------ what is read


def test_a_split_is_a_data_set_in_the_order_of_its_file(farm):
    """Keys, classes and length come without an image being read."""
    for image in (farm / "images").iterdir():
        image.write_bytes(b"")

    data = folder(farm)

    assert isinstance(data, Dataset)
    assert data.keys == ("b", "a")
    assert len(data) == 2
    assert data.classes == Classes(NAMES, background=0)


def test_a_sample_says_what_its_files_say(farm):
    """255 of a scribble is unlabeled, 255 of a mask is void: invalid, and without truth."""
    sample = folder(farm)[1]

    assert sample.key == sample.volume == "a"
    assert sample.image.shape == (3, 3, 4)
    assert sample.truth is not None
    assert sample.truth.tolist() == [[0, 0, 1, 1], [0, -1, 2, 1], [0, 0, 2, 2]]
    assert (sample.valid == (sample.truth != UNLABELED)).all()
    # The mark on the void pixel in the middle is not a seed.
    assert sample.seeds.tolist() == [[0, -1, -1, 1], [-1, -1, -1, -1], [-1, -1, -1, -1]]
    assert sample.tags.tolist() == [PRESENT, PRESENT, UNTOLD]
    assert sample.areas.tolist() == [[0, 1]] * 3
    assert sample.boxes.shape == (0, 5)
    assert sample.strokes == ()


def test_masks_and_labels_may_be_missing_for_any_image(farm):
    """b has no mask and d no scribble."""
    b, d = folder(farm)[0], folder(farm, "val")[1]

    assert b.truth is None
    assert b.valid.all()
    assert (d.seeds == UNLABELED).all()
    assert d.truth is not None


def test_an_index_beyond_the_end_ends_a_loop(farm):
    """A data set is a sequence."""
    assert [sample.key for sample in folder(farm)] == ["b", "a"]
    assert folder(farm)[-1].key == "a"


def test_the_same_index_gives_the_same_sample(farm):
    """And no sample can spoil the next one."""
    write(farm / "tags.csv", "image,present,absent", "a,,horse")
    data = folder(farm)
    first = data[1]
    before = {name: np.copy(value) for name, value in vars(first).items() if isinstance(value, np.ndarray)}

    again = data[1]

    assert all(np.array_equal(value, getattr(again, name)) for name, value in before.items())


def test_all_is_every_image_unless_a_file_says_otherwise(farm):
    """Sorted by key."""
    assert folder(farm, "all").keys == ("a", "b", "c", "d")

    write(farm / "splits" / "all.txt", "c", "a")
    assert folder(farm, "all").keys == ("c", "a")


def test_a_split_may_name_files_and_leave_lines_empty(farm):
    """a, a.png and A.PNG's own key differ only where images do."""
    (farm / "splits" / "train.txt").write_bytes(b"\xef\xbb\xbfa.png\r\n\r\n  b \r\n")

    assert folder(farm).keys == ("a", "b")


@pytest.mark.parametrize("name", ["e.PNG", "e.JPG", "e.jpeg", "e.tif", "e.TIFF", "e.bmp", "e.webp"])
def test_images_are_found_whatever_their_extension(farm, name):
    """In any case; other files in the folder do no harm."""
    save(farm / "images" / name, np.zeros((3, 4, 3), np.uint8))
    write(farm / "images" / ".e.png", "hidden")
    write(farm / "images" / "e.txt", "notes")

    assert folder(farm, "all")[4].image.shape == (3, 3, 4)


def test_a_folder_is_a_value(farm, monkeypatch):
    """Equal, hashable and readable by its fields; carried to another process with what it has found."""
    data = folder(farm)
    len(data)

    copy = pickle.loads(pickle.dumps(data))

    assert copy == data == folder(farm)
    assert hash(copy) == hash(folder(farm))
    assert repr(copy) == f"Folder(path='{farm}', split='train', labels=None, declaration=None)"
    (farm / "splits" / "train.txt").unlink()
    assert copy.keys == ("b", "a")
    assert np.array_equal(copy[0].seeds, data[0].seeds)


def test_volumes_are_named_by_a_part_of_the_key(farm):
    """Slices of one patient belong together; a key without a match stands alone."""
    declaration = Declaration(volume="[ax]")

    assert [sample.volume for sample in folder(farm, declaration=declaration)] == ["b", "a"]
    write(farm / "dataset.toml", "volume = '^.'")
    assert folder(farm)[0].volume == "b"


# ------------------------------------------------------------------------------------------------ which labels train


def test_tables_are_training_labels(farm):
    """What is drawn is present, where tags.csv says nothing else."""
    write(farm / "tags.csv", "image,present,absent", "b,,horse")
    write(farm / "sizes.csv", "image,class,min,max", "b,cow,0.25,0.5")
    write(farm / "boxes.csv", "image,class,left,top,right,bottom", "a,horse,2,1,4,3")
    write(farm / "clicks.csv", "image,class,x,y", "b,cow,3,2")

    b, a = folder(farm)

    assert b.tags.tolist() == [PRESENT, PRESENT, ABSENT]
    assert b.areas.tolist() == [[0, 1], [0.25, 0.5], [0, 1]]
    assert [(stroke.label, stroke.points.tolist()) for stroke in b.strokes] == [(1, [[2, 3]])]
    assert a.tags.tolist() == [PRESENT, PRESENT, PRESENT]
    assert a.boxes.tolist() == [[2, 1, 2, 3, 4]]


def test_only_the_named_labels_are_used(farm):
    """A folder and a table; the others are as if they were not there, even if they are wrong."""
    write(farm / "clicks.csv", "image,class,x,y", "a,horse,3,2")
    write(farm / "tags.csv", "rubbish")

    clicked = folder(farm, labels=("clicks.csv",))[1]

    assert (clicked.seeds == UNLABELED).all()
    assert clicked.tags.tolist() == [UNTOLD, UNTOLD, PRESENT]
    assert folder(farm, labels=("scribbles",))[1].strokes == ()
    assert folder(farm, labels=())[1].tags.tolist() == [UNTOLD] * 3


def test_masks_as_labels_are_full_supervision(farm):
    """Every valid pixel is a seed, and what the mask does not show is absent."""
    full = folder(farm, "val", labels=("masks",))[0]

    assert full.truth is not None
    assert np.array_equal(full.seeds, full.truth)
    assert full.tags.tolist() == [PRESENT, PRESENT, PRESENT]

    save(farm / "masks" / "c.png", np.zeros((3, 4), np.uint8))
    assert folder(farm, "val", labels=("masks",))[0].tags.tolist() == [PRESENT, ABSENT, ABSENT]


def test_declared_images_are_fully_labelled_whatever_the_labels(farm):
    """By key or by pattern; scribbles are drawn over their masks, and the others stay weak."""
    save(farm / "scribbles" / "c.png", np.array([[255, 255, 255, 2], [255] * 4, [255] * 4], np.uint8))
    write(farm / "dataset.toml", 'fully_labelled = ["c", "x*"]')
    save(farm / "images" / "x1.png", np.zeros((3, 4, 3), np.uint8))
    save(farm / "masks" / "x1.png", MASK)

    a, _, c, _, x = folder(farm, "all")

    assert np.count_nonzero(a.seeds != UNLABELED) == 2
    assert c.seeds[0].tolist() == [0, 0, 1, 2]
    assert c.seeds[2].tolist() == [0, 0, 2, 2]
    assert np.array_equal(x.seeds, x.truth)  # pyright: ignore
    assert np.array_equal(folder(farm, "all", labels=())[4].seeds, x.seeds)


def test_later_label_folders_are_drawn_over_earlier_ones(farm):
    """Two annotators, in either order."""
    save(farm / "second" / "b.png", np.array([[2, 2, 255, 255], [255] * 4, [255] * 4], np.uint8))

    rows = [
        folder(farm, labels=order)[0].seeds[0].tolist() for order in (("scribbles", "second"), ("second", "scribbles"))
    ]

    assert rows == [[2, 2, -1, 1], [0, 2, -1, 1]]


def test_labels_may_lie_elsewhere(farm, tmp_path_factory):
    """Simulated labels do not touch the folder they are simulated for."""
    elsewhere = tmp_path_factory.mktemp("simulated")
    save(elsewhere / "b.png", np.full((3, 4), 2, np.uint8))
    write(elsewhere / "tags.csv", "image,present,absent", "b,,cow")

    sample = folder(farm, labels=(str(elsewhere), str(elsewhere / "tags.csv")))[0]

    assert (sample.seeds == 2).all()
    assert sample.tags.tolist() == [UNTOLD, ABSENT, PRESENT]


def test_merged_classes_are_merged_everywhere(farm):
    """In masks, scribbles and tables alike."""
    write(farm / "dataset.toml", 'merge = { cow = "horse" }')
    write(farm / "clicks.csv", "image,class,x,y", "a,cow,0,0")
    write(farm / "boxes.csv", "image,class,left,top,right,bottom", "a,2,2,1,4,3")

    data = folder(farm)

    assert data.classes == Classes(("background", "horse"), background=0)
    assert data[1].truth is not None
    assert data[1].truth.tolist() == [[0, 0, 1, 1], [0, -1, 1, 1], [0, 0, 1, 1]]
    assert data[1].strokes[0].label == 1
    assert data[1].boxes[0, 0] == 1
    assert data[1].tags.tolist() == [PRESENT, PRESENT]


def test_a_declaration_in_hand_replaces_the_file(farm):
    """Napari's values, without writing into the folder."""
    write(farm / "dataset.toml", "nonsense = 1")
    for key in "abc":
        save(farm / "scribbles" / f"{key}.png", np.array([[0, 1, 2, 3], [0] * 4, [0] * 4], np.uint8))

    napari = Declaration(unlabeled=0, first_value=1)

    assert folder(farm, declaration=napari)[0].seeds[0].tolist() == [UNLABELED, 0, 1, 2]


# ------------------------------------------------------------------------------------------------ where it is


def test_a_name_is_looked_up_in_the_environment(farm, monkeypatch):
    """A folder here first, then one of that name under WEAKSEG_DATA."""
    monkeypatch.setenv("WEAKSEG_DATA", str(farm.parent))
    monkeypatch.chdir(farm)

    assert find(farm.name) == farm
    assert find("images") == Path("images")
    assert folder(farm.name).keys == ("b", "a")
    assert repr(folder("acdc")).startswith("Folder(path='acdc'")


@pytest.mark.parametrize("shelf", [None, "/nowhere"])
def test_a_missing_folder_says_where_it_was_looked_for(shelf, monkeypatch):
    """Both places, or that the second is not set."""
    monkeypatch.delenv("WEAKSEG_DATA", raising=False)
    if shelf:
        monkeypatch.setenv("WEAKSEG_DATA", shelf)

    told = str(refused(folder("cattle")))

    assert str(Path("cattle").resolve()) in told
    assert ("/nowhere/cattle" if shelf else "not set") in told


def test_a_folder_may_be_named_before_it_is_there():
    """Recipes are read on machines without the data."""
    assert hash(folder("nowhere")) == hash(folder("nowhere"))


# ------------------------------------------------------------------------------------------------ what is refused


def test_a_missing_split_says_which_there_are(farm):
    """With the file that would have to be written."""
    error = refused(folder(farm, "test"))

    assert f"{farm / 'splits' / 'test.txt'} is missing" in error.found
    assert "'all', 'train', 'val'" in error.expected


def test_an_empty_split_is_refused(farm):
    """Nothing would be trained on."""
    write(farm / "splits" / "train.txt", "")

    assert "train.txt is empty" in refused(folder(farm)).found


def test_all_findings_about_a_folder_are_told_at_once(farm):
    """Missing images, repeated lines, bad rows, two files of one key, undrawn labels and missing masks."""
    write(farm / "splits" / "train.txt", "a", "e", "a", "f.png")
    write(farm / "clicks.csv", "image,class,x,y", "a,pig,1,1", "z,cow,1,1")
    write(farm / "dataset.toml", 'fully_labelled = ["b", "site*"]')
    save(farm / "images" / "d.bmp", np.zeros((3, 4, 3), np.uint8))
    save(farm / "others" / "a_mask.png", MASK)

    error = refused(folder(farm, labels=("clicks.csv", "others", "nothing", "classes.txt")))

    told = str(error)
    assert len(error.problems) == 11
    for line, key in ((2, "e"), (4, "f.png")):
        assert f"train.txt, line {line}: no image '{key}'" in told
    assert "train.txt, line 3: 'a' is in line 1 already" in told
    assert "clicks.csv, line 2: unknown class 'pig'" in told
    assert "clicks.csv, line 3: no image 'z'" in told
    assert "d.bmp and d.png have the same key 'd'" in told
    assert "others: no label map is named after an image (one of them is a_mask.png)" in told
    assert "no labels 'nothing'" in told
    assert "no labels 'classes.txt'" in told
    assert "'b' is declared fully labelled but has no mask" in told
    assert "'site*', which matches no image" in told


@pytest.mark.parametrize("name", ["images", "classes.txt"])
def test_without_images_or_classes_there_is_nothing(farm, name):
    """The missing part is named."""
    os.rename(farm / name, farm / "elsewhere")

    assert str(farm / name) in str(refused(folder(farm)))


def test_an_empty_label_folder_that_is_asked_for_is_refused(farm):
    """Otherwise a run would learn nothing; one that is merely there is fine."""
    (farm / "second").mkdir()

    assert "no labels 'second'" in refused(folder(farm, labels=("second",))).found
    for file in (farm / "masks").iterdir():
        file.unlink()
    assert folder(farm)[1].truth is None


def test_labels_without_the_comma_of_a_tuple_are_refused(farm):
    """("scribbles") is a word, not a tuple."""
    with pytest.raises((DataInvalid, TypeError)):
        folder(farm, labels="scribbles")


def test_all_findings_about_a_image_are_told_at_once(farm):
    """A mask of another size and a scribble with undeclared values."""
    save(farm / "masks" / "a.png", MASK.T.copy())
    save(farm / "scribbles" / "a.png", np.full((3, 4), 7, np.uint8))

    error = refused(folder(farm), 1)

    told = str(error)
    assert len(error.problems) == 2
    assert f"{farm / 'masks' / 'a.png'} is 3 wide and 4 high" in told
    assert "4 wide and 3 high" in told
    assert f"{farm / 'scribbles' / 'a.png'}: 1 undeclared value: 7 (12 pixels)" in told


def test_damaged_files_are_named_together(farm):
    """An image and its labels, each by its name."""
    for part in ("images", "masks", "scribbles"):
        path = farm / part / "a.png"
        path.write_bytes(path.read_bytes()[:40])

    error = refused(folder(farm), 1)

    assert len(error.problems) == 3
    for part, problem in zip(("images", "masks", "scribbles"), error.problems, strict=True):
        assert f"{farm / part / 'a.png'} cannot be read" in problem.found
    assert folder(farm)[0].key == "b"


def test_void_is_not_a_value_of_scribbles_that_declare_another(farm):
    """Each file is held to its own declaration."""
    assert "undeclared value: 255" in str(refused(folder(farm, declaration=Declaration(unlabeled=9)), 0))
    assert "undeclared value: 255" in str(refused(folder(farm, declaration=Declaration(void=9)), 1))


def test_images_of_different_kinds_are_refused(farm):
    """A batch cannot hold grey and colour; both files are named."""
    save(farm / "images" / "a.png", np.zeros((3, 4), np.uint8))

    error = refused(folder(farm), 1)

    assert f"{farm / 'images' / 'a.png'} has 1 channels, but {farm / 'images' / 'b.png'} has 3" in error.found


# ------------------------------------------------------------------------------------------------ real data


@pytest.mark.data
@pytest.mark.skipif("WEAKSEG_DATA" not in os.environ, reason="WEAKSEG_DATA is not set")
@pytest.mark.parametrize(
    ("name", "split", "labels", "count", "n_classes", "share"),
    [
        ("acdc", "train", None, 298, 4, 0.0114),
        ("acdc", "val", ("masks",), 98, 4, 1.0),
        ("msrc21", "train", ("masks",), 273, 23, 0.81),
        ("msrc21", "val", None, 81, 23, 0.0),
        ("msrc_things", "train", ("masks",), 174, 16, 0.87),
        ("grabcut", "all", ("scribbles1",), 25, 2, 0.013),
    ],
)
def test_the_real_sets_are_read_as_they_are(name, split, labels, count, n_classes, share):
    """With the numbers of images, classes and labelled pixels that they are known to have."""
    data = Folder(name, split, labels)

    assert (len(data), len(data.classes)) == (count, n_classes)
    samples = [data[index] for index in range(0, count, 8)]
    assert np.mean([(sample.seeds != UNLABELED).mean() for sample in samples]) == pytest.approx(
        share, abs=0.05 * share + 0.001
    )
    for sample in samples:
        assert sample.truth is not None
        assert np.array_equal(sample.valid, sample.truth != UNLABELED)
        assert (sample.seeds[~sample.valid] == UNLABELED).all()


@pytest.mark.parametrize(
    ("name", "samples"), [("a.png", 1), ("a.tif", 1), ("a.tif", 2)], ids=["png", "tiff", "tiff of two channels"]
)
def test_the_size_of_a_label_map_is_told_of_before_it_is_decoded(farm, name, samples):
    """Of these there is only the header; a small file may unpack to all the memory there is."""
    file = farm / "masks" / name
    (farm / "masks" / "a.png").unlink()
    values = np.zeros((700, 900, samples)[: 3 if samples > 1 else 2], np.uint8)
    if file.suffix == ".png":
        Image.fromarray(values).save(file)
    else:
        tifffile.imwrite(file, values, photometric="minisblack", planarconfig="contig" if samples > 1 else None)
    file.write_bytes(file.read_bytes()[: 60 if file.suffix == ".png" else 600])

    with pytest.raises(DataInvalid) as error:
        Folder(str(farm), "all")[0]
    assert f"{file} is 900 wide and 700 high" in str(error.value)
