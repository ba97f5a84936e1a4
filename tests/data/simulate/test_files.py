"""Promises of simulated labels as files."""

import numpy as np
import pytest
from PIL import Image

from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.folder import Folder
from weakseg.data.simulate.annotators import Boxes, Clicks, IntervalSizes, OneBitSizes, Scribbles, Simulated, Tags
from weakseg.data.simulate.files import write_simulated
from weakseg.errors import DataInvalid

CLASSES = ("background", "dog", "cat", "cow")
NAPARI = Declaration(first_value=1, unlabeled=0)
MERGED = Declaration(merge=(("cat", "dog"),))
KINDS = (Scribbles(0.3), Clicks(), Boxes(), Tags(), IntervalSizes())


@pytest.fixture
def make_folder(tmp_path):
    """Lays out three images whose masks follow a declaration."""

    def make(declaration=None):
        root = tmp_path / "data"
        for name in ("images", "masks", "splits"):
            (root / name).mkdir(parents=True)
        (root / "classes.txt").write_text("\n".join(CLASSES) + "\n")
        (root / "splits" / "train.txt").write_text("a\nb\nc\n")
        for number, key in enumerate("abc", start=1):
            values = np.zeros((40, 50), np.uint8) + (declaration.first_value if declaration else 0)
            values[5:20, 5 : 15 + number] += number
            values[25:38, 30:45] += 1
            values[0] = 255
            Image.fromarray(values).save(root / "masks" / f"{key}.png")
            Image.new("L", (50, 40), 10 * number).save(root / "images" / f"{key}.png")
        return Folder(str(root), declaration=declaration)

    return make


def assert_same_labels(a, b):
    """Two samples say the same."""
    assert a.key == b.key
    for name in ("seeds", "tags", "areas", "boxes", "valid"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert [(s.label, s.points.tolist(), s.width_px) for s in a.strokes] == [
        (s.label, s.points.tolist(), s.width_px) for s in b.strokes
    ]


@pytest.mark.parametrize("declaration", [None, NAPARI, MERGED])
@pytest.mark.parametrize("kinds", [KINDS, (Scribbles(),), (OneBitSizes(0.2),), (Tags(), Clicks())])
def test_written_labels_read_as_they_were_simulated(make_folder, tmp_path, declaration, kinds):
    """Through files or in memory, with any declaration, the labels are the same."""
    folder = make_folder(declaration)
    places = write_simulated(folder, kinds, 4, tmp_path / "out")
    read = Folder(folder.path, labels=tuple(map(str, places)), declaration=declaration)
    simulated = Simulated(folder, kinds, 4)
    assert len(read) == 3
    for index in range(3):
        assert_same_labels(read[index], simulated[index])


def test_names_tell_length_and_seed(make_folder, tmp_path):
    """Each seed and length has its own place, and nothing else is left behind."""
    places = write_simulated(make_folder(), KINDS, 7, tmp_path / "out")
    names = [str(place.relative_to(tmp_path / "out")) for place in places]
    assert names == ["scribbles_length0.3_seed7", *(f"seed7/{n}.csv" for n in ("clicks", "boxes", "tags", "sizes"))]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scribbles_length0.3_seed7", "seed7"]
    assert sorted(path.name for path in places[0].iterdir()) == ["a.png", "b.png", "c.png"]


def test_files_there_are_never_overwritten(make_folder, tmp_path):
    """All that is in the way is told at once, and then nothing is written."""
    folder, out = make_folder(), tmp_path / "out"
    (out / "seed0").mkdir(parents=True)
    (out / "seed0" / "tags.csv").write_text("mine")
    (out / "scribbles_length1_seed0").mkdir()
    with pytest.raises(DataInvalid) as error:
        write_simulated(folder, (Scribbles(), Boxes(), Tags()), 0, out)
    assert len(error.value.problems) == 2
    assert (out / "seed0" / "tags.csv").read_text() == "mine"
    assert not (out / "seed0" / "boxes.csv").exists()


def test_nothing_is_left_of_a_failed_run(make_folder, tmp_path):
    """An image without a mask stops everything, and no half of the labels stays."""
    folder = make_folder()
    (folder.root / "masks" / "c.png").unlink()
    with pytest.raises(DataInvalid, match="'c'"):
        write_simulated(folder, KINDS, 0, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_classes_without_a_value_of_their_own_are_refused(make_folder, tmp_path):
    """Where 0 is both the background and nothing, a scribble on the background would be lost."""
    with pytest.raises(DataInvalid, match="0 means no class"):
        write_simulated(make_folder(Declaration(unlabeled=0)), (Scribbles(),), 0, tmp_path / "out")


def test_a_place_that_cannot_be_written_is_named(make_folder, tmp_path):
    """A file where the folder should be is a message, not a traceback."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(DataInvalid, match="out"):
        write_simulated(make_folder(), (Tags(),), 0, tmp_path / "out")


@pytest.mark.parametrize("names", [(" a ", 'say "b"', "c,d"), ("a\u0301", "b;", "#c")])
def test_what_is_written_can_be_read_whatever_names_are(tmp_path, names):
    """Keys with spaces at the ends, quotes, commas, accents; classes with commas and quotes."""
    root = tmp_path / "data"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text('background\na, b\n"c"\n')
    for key in names:
        values = np.zeros((40, 50), np.uint8)
        values[5:20, 5:25], values[25:38, 30:45] = 1, 2
        Image.fromarray(values).save(root / "masks" / f"{key}.png")
        Image.new("L", (50, 40), 9).save(root / "images" / f"{key}.png")
    folder = Folder(str(root), split="all")

    places = write_simulated(folder, KINDS, 4, tmp_path / "out")

    read, simulated = Folder(str(root), "all", tuple(map(str, places))), Simulated(folder, KINDS, 4)
    for index in range(3):
        assert_same_labels(read[index], simulated[index])


@pytest.mark.parametrize("kind", [Clicks(), Scribbles()])
def test_labels_that_another_command_wrote_meanwhile_stay(make_folder, tmp_path, kind):
    """The second says so, and leaves nothing half done."""
    name = "scribbles_length1_seed0/mine.png" if isinstance(kind, Scribbles) else "seed0/clicks.csv"
    theirs = tmp_path / "out" / name

    def written(done, total):
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.write_text("theirs")

    with pytest.raises(DataInvalid, match="already exists"):
        write_simulated(make_folder(), (kind,), 0, tmp_path / "out", written)
    assert theirs.read_text() == "theirs"
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [theirs]
