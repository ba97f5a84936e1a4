"""Photos that viewers turn and labels that were drawn on what is stored: a check tells, and its advice fixes it."""

import re

import numpy as np
import pytest
from farms import faults, remarks, save, write
from PIL import Image

from weakseg.data.folder.folder import Folder
from weakseg.data.images.orientation import turned, turned_back
from weakseg.types import UNLABELED

KEYS = [f"p{number}" for number in range(6)]
KINDS = {
    "turned by 180 degrees": [3],
    "mirrored": [2],
    "turned by a quarter": [6],
    "the other quarter": [8],
    "upside down": [4],
    "transposed": [5],
    "the other diagonal": [7],
    "a camera held in every way": [3, 1, 6, 2, 8, 5],
}


def scene(number, size):
    """A grey image of three values and its truth, upright and without any symmetry."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    truth = np.zeros(size, np.uint8)
    truth[36:44, 3 : 14 + 2 * number] = 2
    truth[(rows - 14 - number) ** 2 + (columns - 15 - number) ** 2 < 60] = 1
    return (truth * 90 + 10 * number).astype(np.uint8), truth


def scribbles_of(truth):
    """A line through the middle of each object, and one of background."""
    marks = np.full(truth.shape, 255, np.uint8)
    for label in (1, 2):
        rows, columns = np.nonzero(truth == label)
        row = int(np.median(rows))
        inside = columns[rows == row]
        marks[row - 1 : row + 2, inside.min() + 1 : inside.max()] = label
    marks[1:3, 4:40] = 0
    return marks


def lay_out(root, orientations, stored=("masks", "scribbles"), size=(48, 48)):
    """Photos of these orientations, in turn; maps in `stored` lie on what is stored, others on what viewers show."""
    for number, key in enumerate(KEYS):
        orientation = orientations[number % len(orientations)]
        image, truth = scene(number, size)
        exif = Image.Exif()
        exif[274] = orientation
        (root / "images").mkdir(exist_ok=True)
        Image.fromarray(turned_back(image, orientation).copy()).save(root / "images" / f"{key}.png", exif=exif)
        for folder, labels in (("masks", truth), ("scribbles", scribbles_of(truth))):
            laid = turned_back(labels, orientation) if folder in stored else labels
            save(root / folder / f"{key}.png", np.ascontiguousarray(laid))
    write(root / "classes.txt", "background", "disk", "bar")
    return root


def set_right(root, finding):
    """Writes the key of the message at the top of dataset.toml."""
    (line,) = re.findall(r"`(exif = [^`]+)`", finding.fix)
    write(root / "dataset.toml", line)


def right(root, seen):
    """Whether what is trained on is the scene with its truth and scribbles: as it is seen, or as it is stored."""
    for number, sample in enumerate(Folder(str(root), "all")):
        with Image.open(root / "images" / f"{sample.key}.png") as file:
            orientation = file.getexif()[274]
        image, truth = scene(number, (48, sample.valid.size // 48))
        expected = [image, truth, np.where((marks := scribbles_of(truth)) == 255, UNLABELED, marks.astype(int))]
        found = [np.round(sample.image[0] * 255), sample.truth, sample.seeds]
        found = found if seen else [turned(each, orientation) for each in found]
        if not all(map(np.array_equal, found, expected)):
            return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_labels_on_what_is_stored_lie_rightly_once_the_advice_is_followed(tmp_path, kind):
    """Sizes are equal, so that nothing but the remark tells."""
    root = lay_out(tmp_path, KINDS[kind])
    assert not faults(root)
    assert not right(root, seen=True)
    remark = remarks(root)["images"]
    turning = [key for key, orientation in zip(KEYS, KINDS[kind] * 6, strict=False) if orientation != 1]
    assert f"{len(turning)} of 6 images" in remark.found
    assert [*remark.keys] == turning
    assert "page" in remark.fix

    set_right(root, remark)

    assert not faults(root)
    assert "images" not in remarks(root)
    assert right(root, seen=False)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_on_what_viewers_show_lie_rightly_as_they_are(tmp_path, kind):
    """The remark says that this is what is expected."""
    root = lay_out(tmp_path, KINDS[kind], stored=())

    assert not faults(root)
    assert "as viewers show them" in remarks(root)["images"].expected
    assert right(root, seen=True)


@pytest.mark.filterwarnings("ignore:Exception ignored in")  # files that the code of the message leaves open
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stored", ["scribbles", "masks"])
def test_scribbles_and_masks_that_lie_differently_are_refused_and_the_advice_lays_them_alike(tmp_path, kind, stored):
    """Each is turned as its own photo is, by the code of the message, whichever of both ignored it."""
    root = lay_out(tmp_path, KINDS[kind], stored=(stored,))
    (finding,) = faults(root).values()
    assert "would agree if they were rotated by the EXIF orientation of its image, or the mask were" in finding.found
    first, second = re.findall(r"`([^`]*(?:getexif|exif_transpose)[^`]*)`", finding.fix)

    for key in finding.keys:
        names = {"PIL": __import__("PIL"), "file": root / stored / f"{key}.png"}
        names["photo"] = root / "images" / f"{key}.png"
        exec(f"import PIL.Image, PIL.ImageOps\n{first}\n{second}", names)

    assert not faults(root)
    assert right(root, seen=True)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_oblong_photos_whose_labels_all_lie_on_what_is_stored_need_no_turning(tmp_path, orientation):
    """Their sizes differ, so that they are refused; the message names the key too."""
    root = lay_out(tmp_path, [orientation], size=(48, 60))
    told = faults(root)
    assert len(told) == 12

    set_right(root, next(iter(told.values())))

    assert not faults(root)
    assert right(root, seen=False)


def test_maps_as_viewers_show_them_are_not_accepted_for_photos_that_are_read_as_stored(tmp_path):
    """Where the sizes tell; then the key is to go."""
    root = lay_out(tmp_path, [6], stored=(), size=(48, 60))
    write(root / "dataset.toml", 'exif = "ignore"')

    told = faults(root)
    assert len(told) == 12
    assert all("remove `exif`" in finding.fix and "as it is stored" in finding.expected for finding in told.values())
    (root / "dataset.toml").unlink()

    assert not faults(root)


def test_nothing_is_remarked_on_photos_that_lie_as_they_are_stored(tmp_path):
    """Nor on turned ones of which only tags are told: a tag lies nowhere."""
    root = lay_out(tmp_path, [1])
    assert "images" not in remarks(root)

    root = lay_out(tmp_path, [3])
    for path in [*(root / "scribbles").iterdir(), *(root / "masks").iterdir()]:
        path.unlink()
    write(root / "tags.csv", "image,present,absent", *(f"{key},disk;bar," for key in KEYS))
    assert "images" not in remarks(root)


@pytest.mark.parametrize(
    "row", ["clicks.csv image,class,x,y p1,disk,16,15", "boxes.csv image,class,left,top,right,bottom p1,disk,8,8,24,23"]
)
def test_places_in_tables_are_remarked_on_too(tmp_path, row):
    """They were measured on the photo as some program showed it."""
    root = lay_out(tmp_path, [3])
    for path in [*(root / "scribbles").iterdir(), *(root / "masks").iterdir()]:
        path.unlink()
    name, *lines = row.split()
    write(root / name, *lines)

    assert remarks(root)["images"].keys == ("p1",)


@pytest.mark.parametrize("said", ['"upright"', "true", '""'])
def test_another_word_for_it_is_refused(tmp_path, said):
    """With the two there are."""
    root = lay_out(tmp_path, [3])
    write(root / "dataset.toml", f"exif = {said}")

    (finding,) = (finding for name, finding in faults(root).items() if name == "dataset.toml")

    assert "exif" in finding.found
    assert said == "true" or '"ignore"' in finding.expected
