"""Edges that were blended into other classes are told of, and classes that are thin or lie between others are not."""

import io

import numpy as np
import pytest
from farms import faults, remarks, save, write
from PIL import Image
from scipy.ndimage import gaussian_filter

from weakseg.data.folder.folder import Folder
from weakseg.data.scenes import Scenes
from weakseg.types import UNLABELED

SIZE = (96, 128)
KEYS = tuple("abcdef")


def areas(number, classes=(1, 2, 3, 4)):
    """A map of some disks on 0, each of a class."""
    rng, (rows, columns) = np.random.default_rng(number), np.mgrid[: SIZE[0], : SIZE[1]]
    labels = np.zeros(SIZE, np.uint8)
    for label in rng.permutation(classes):
        row, column = rng.uniform(0.2, 0.8, 2) * SIZE
        labels[np.hypot(rows - row, columns - column) < rng.uniform(12, 24)] = label
    return labels


def strokes(number, nothing):
    """A map of short strokes with a pen of five pixels."""
    rng, labels = np.random.default_rng(number), np.full(SIZE, nothing, np.uint8)
    for place, label in enumerate(rng.permutation([1, 2, 3, 4])):
        labels[20 * place + 5 : 20 * place + 10, 20 : rng.integers(60, 110)] = label
    return labels


def lay(root, draw, folder="masks", names=("none", "one", "two", "three", "four")):
    """A folder of six images with maps of one kind, and nothing else."""
    for number, key in enumerate(KEYS):
        image = np.random.default_rng(number).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
        save(root / "images" / f"{key}.png", image)
        save(root / folder / f"{key}.png", draw(number))
    write(root / "classes.txt", *names)
    return root


def resized(labels, how=Image.Resampling.BILINEAR):
    """The map drawn at two thirds of the size and enlarged."""
    small = Image.fromarray(labels).resize((85, 64), Image.Resampling.NEAREST)
    return np.asarray(small.resize(SIZE[::-1], how))


def turned(labels):
    """The map turned by 17 degrees."""
    return np.asarray(Image.fromarray(labels).rotate(17, Image.Resampling.BILINEAR))


def soft(labels):
    """The map drawn with a soft brush."""
    return np.round(gaussian_filter(labels.astype(float), 1)).astype(np.uint8)


def through_jpeg(labels, most=4):
    """The map saved as JPEG; what lies beyond the classes, brought back among them."""
    file = io.BytesIO()
    Image.fromarray(labels).save(file, "JPEG", quality=90)
    return np.minimum(np.asarray(Image.open(file)), most)


BLENDS = {"resized": resized, "turned": turned, "soft brush": soft, "JPEG": through_jpeg}


@pytest.mark.parametrize("way", BLENDS)
def test_masks_with_blended_edges_are_told_of(tmp_path, way):
    """All values are classes; those drawn again by the advice are the truth."""
    root = lay(tmp_path, lambda number: BLENDS[way](areas(number)))
    blended = [
        (np.asarray(Image.open(root / "masks" / f"{key}.png")), areas(number)) for number, key in enumerate(KEYS)
    ]

    told = faults(root)

    assert [*told] == ["masks"]
    assert "in 6 of 6 maps, a.png, b.png, c.png, d.png and 2 more" in told["masks"].found
    assert "('two')" in told["masks"].found
    assert told["masks"].keys == KEYS
    assert "as PNG with a hard pen" in told["masks"].fix
    assert all((values != labels).mean() > 0.01 for values, labels in blended)
    for number, key in enumerate(KEYS):
        save(root / "masks" / f"{key}.png", areas(number))
    assert not faults(root)
    assert all((sample.truth == areas(number)).all() for number, sample in enumerate(Folder(str(root), "all")))


def test_values_beyond_the_classes_are_blends_too_where_others_are(tmp_path):
    """JPEG makes 5 of 4 as well, which is neither a sixth class nor void."""
    root = lay(tmp_path, lambda number: through_jpeg(areas(number), most=255))

    told = faults(root)

    assert any("undeclared value: 5" in finding.found for finding in told.values())
    assert all("with a hard pen" in finding.fix for finding in told.values())


def test_enlarging_without_interpolation_is_the_cure(tmp_path):
    """As the advice says: the maps are no longer told of, and hold what was drawn."""
    root = lay(tmp_path, lambda number: resized(areas(number), Image.Resampling.NEAREST))

    assert not faults(root)
    assert "masks" not in remarks(root)


def test_blended_files_are_found_among_sound_ones(tmp_path):
    """Two annotators, one of whom exports badly."""
    root = lay(tmp_path, lambda number: resized(areas(number)) if number % 2 else areas(number))

    assert faults(root)["masks"].keys == ("b", "d", "f")


def test_values_between_the_only_two_that_were_drawn_are_told_of(tmp_path):
    """No area of 1, 2 or 3 is anywhere, but they lie side by side."""
    root = lay(tmp_path, lambda number: soft(areas(number, classes=(4,))))

    assert "('three')" in faults(root)["masks"].found


@pytest.mark.parametrize("nothing", [0, 255])
def test_soft_brushes_are_told_of(tmp_path, nothing):
    """Where nothing is 0, the rim of a stroke is a stroke of every class below."""
    names = ("one", "two", "three", "four") if nothing == 0 else ("none", "one", "two", "three", "four")
    root = lay(tmp_path, lambda number: soft(strokes(number, nothing)), "scribbles", names)
    if nothing == 0:
        write(root / "dataset.toml", "unlabeled = 0", "first_value = 1")

    told = faults(root)

    assert told
    assert all("with a hard pen" in finding.fix for finding in told.values() if finding.file.name != "classes.txt")
    for number, key in enumerate(KEYS):
        save(root / "scribbles" / f"{key}.png", strokes(number, nothing))
    assert not any("scribbles" in name for name in faults(root))
    for number, sample in enumerate(Folder(str(root), "all")):
        drawn = strokes(number, nothing).astype(int)
        assert (sample.seeds == np.where(drawn == nothing, UNLABELED, drawn - (nothing == 0))).all()


def rings(number, width, values=(0, 1, 2)):
    """Disks with a rim of some pixels, as cells with walls or hearts with muscles."""
    rng, (rows, columns) = np.random.default_rng(number), np.mgrid[: SIZE[0], : SIZE[1]]
    row, column = rng.uniform(0.4, 0.6, 2) * SIZE
    away, radius = np.hypot(rows - row, columns - column), rng.uniform(16, 28)
    return np.select([away < radius, away < radius + width], [values[2], values[1]], values[0]).astype(np.uint8)


@pytest.mark.parametrize("width", [5, 8, 12])
def test_classes_around_others_are_no_blends(tmp_path, width):
    """Muscle of the heart."""
    root = lay(tmp_path, lambda number: rings(number, width), names=("none", "one", "two"))

    assert not faults(root)
    assert "masks" not in remarks(root)


@pytest.mark.parametrize("width", [1, 2])
def test_thin_walls_are_a_question_at_most(tmp_path, width):
    """A class that is nowhere more than a line may be meant so: worth knowing, and no reason to refuse."""
    root = lay(tmp_path, lambda number: rings(number, width), names=("none", "wall", "cell"))

    assert not faults(root)
    assert remarks(root)["masks"].fix.startswith("if no class has this shape: ")


def test_classes_that_are_thin_around_others_in_some_images_only_are_no_reason_to_refuse(tmp_path):
    """Muscle of the heart, cut near its tip in every third image."""
    root = lay(tmp_path, lambda number: rings(number, 12 if number % 3 else 2), names=("none", "one", "two"))

    assert not faults(root)


@pytest.mark.parametrize("void", [0, 2, 255])
def test_borders_of_void_are_no_blends(tmp_path, void):
    """As in Pascal VOC, whatever value they have."""
    root = lay(tmp_path, lambda number: rings(number, 3, (1, void, 3)), names=("one", "three"))
    write(root / "dataset.toml", f"void = {void}", "values = [1, 3]")

    assert not faults(root)
    assert "masks" not in remarks(root)


def test_generated_scenes_are_sharp(tmp_path):
    """Many classes, in front of each other."""
    scenes = Scenes(6, size=SIZE)
    root = lay(tmp_path, lambda number: scenes[number].seeds.astype(np.uint8), names=scenes.classes.names)

    assert "masks" not in {**faults(root), **remarks(root)}
