"""Images in files to masks in files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from finished_run import Threshold
from PIL import Image

from weakseg.data.images.label_file import palette, read_labels
from weakseg.data.images.stored import Reading
from weakseg.errors import DataInvalid, WriteRefused
from weakseg.evaluation.files.predict_files import predict_files
from weakseg.evaluation.predictor import Predictor
from weakseg.types import UNLABELED, Classes

PREDICTOR = Predictor(Threshold(), Classes(("dark", "bright")), 1)
BRIGHT = np.arange(40)[None].repeat(30, axis=0) >= 25


@pytest.fixture
def images(tmp_path):
    """Two grey files, bright on the right."""
    paths = [tmp_path / "in" / "one.png", tmp_path / "in" / "two.tif"]
    paths[0].parent.mkdir()
    for path in paths:
        Image.fromarray((BRIGHT * 200).astype(np.uint8)).save(path)
    return paths


def files(folder):
    """Everything in a folder, by its path there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_masks_hold_the_class_of_each_pixel(images, tmp_path):
    """One palette PNG per image, in the same colours everywhere."""
    masks = predict_files(PREDICTOR, images, tmp_path / "out")
    assert masks == [tmp_path / "out" / "one.png", tmp_path / "out" / "two.png"]
    assert files(tmp_path / "out") == ["one.png", "two.png"]
    assert (read_labels(masks[0]) == BRIGHT).all()
    with Image.open(masks[0]) as mask:
        assert mask.convert("RGB").getpixel((39, 0)) == tuple(palette(2)[1].tolist())


def test_probabilities_and_overlays_are_written_on_request(images, tmp_path):
    """Probabilities load without pickle and agree with the mask; overlays have the image's size."""
    out = tmp_path / "out"
    predict_files(PREDICTOR, images, out, probabilities=True, overlays=True)
    assert files(out) == [
        "one.png", "overlays/one.jpg", "overlays/two.jpg", "probabilities/one.npz", "probabilities/two.npz", "two.png"
    ]  # fmt: skip
    with np.load(out / "probabilities" / "one.npz", allow_pickle=False) as held:
        assert held["probabilities"].dtype == np.float16
        assert (held["probabilities"].argmax(0) == BRIGHT).all()
        assert held["classes"].tolist() == ["dark", "bright"]
    with Image.open(out / "overlays" / "one.jpg") as overlay:
        assert overlay.size == (40, 30)


def test_progress_is_told(images, tmp_path):
    """A caller can draw a bar."""
    told = []
    predict_files(PREDICTOR, images, tmp_path / "out", progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_files_that_are_there_stay(images, tmp_path):
    """A result that exists is named and left alone, and nothing else is written."""
    mine = tmp_path / "out" / "two.png"
    mine.parent.mkdir()
    mine.write_text("precious")
    with pytest.raises(DataInvalid, match="two.png"):
        predict_files(PREDICTOR, images, tmp_path / "out")
    assert files(tmp_path / "out") == ["two.png"]
    assert mine.read_text() == "precious"


def test_everything_wrong_is_said_at_once(images, tmp_path):
    """Missing, damaged and unfit images are all named before anything is written."""
    damaged, colour, missing = (images[0].with_name(name) for name in ("cut.png", "colour.png", "missing.png"))
    damaged.write_bytes(images[0].read_bytes()[:60])
    Image.new("RGB", (9, 9), "red").save(colour)
    with pytest.raises(DataInvalid) as raised:
        predict_files(PREDICTOR, [*images, damaged, colour, missing], tmp_path / "out")
    assert all(str(path) in str(raised.value) for path in (damaged, colour, missing))
    assert not (tmp_path / "out").exists()


def test_grey_saved_as_colour_is_grey(images, tmp_path):
    """Screenshots and exports have three equal channels; the mask is that of the grey file."""
    colour = tmp_path / "in" / "colour.png"
    with Image.open(images[0]) as grey:
        grey.convert("RGB").save(colour)
    one, other = predict_files(PREDICTOR, [images[0], colour], tmp_path / "out")
    assert (read_labels(one) == read_labels(other)).all()


def test_masks_hold_the_training_s_own_numbers(images, tmp_path):
    """Also beyond eight bits; probabilities say which number is which class."""
    for numbers in ((3, 7), (255, 0), (1, 300)):
        out = tmp_path / str(numbers)
        mask, _ = predict_files(replace(PREDICTOR, numbers=numbers), images, out, probabilities=True)
        assert (read_labels(mask) == np.where(BRIGHT, numbers[1], numbers[0])).all()
        with np.load(out / "probabilities" / "one.npz", allow_pickle=False) as held:
            assert tuple(held["numbers"]) == numbers


def test_images_that_share_a_name_are_refused(images, tmp_path):
    """One mask would overwrite the other, on some disks even if only the case differs."""
    twin = tmp_path / "One.png"
    twin.write_bytes(images[0].read_bytes())
    with pytest.raises(DataInvalid, match="one.png, .*One.png"):
        predict_files(PREDICTOR, [*images, twin], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_disk_that_refuses_is_one_clear_error(images, tmp_path):
    """No half-written file is left behind."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "probabilities").write_text("a file where a folder should be")
    with pytest.raises(WriteRefused, match="cannot be written"):
        predict_files(PREDICTOR, images, tmp_path / "out", probabilities=True)
    assert files(tmp_path / "out") == ["probabilities"]


EMPTY = np.arange(40)[None].repeat(30, axis=0) >= 35
"""A part of what is bright."""


def save_transparent(path):
    """What is bright on the right, and fully transparent at its end."""
    grey = (BRIGHT * 200).astype(np.uint8)
    Image.fromarray(np.dstack([grey, np.where(EMPTY, 0, 255).astype(np.uint8)])).save(path)


def save_numbered(path):
    """The same with -9999 at its end."""
    Image.fromarray(np.where(EMPTY, -9999, BRIGHT * 0.8).astype(np.float32)).save(path)


@pytest.mark.parametrize(
    ("name", "save", "nodata"), [("a.png", save_transparent, "transparent"), ("a.tif", save_numbered, "-9999")]
)
@pytest.mark.parametrize(
    ("numbers", "declared", "void"), [((0, 1), 255, 255), ((0, 255), 255, 65535), ((1, 2), 0, 0), ((3, 7), -1, 255)]
)
def test_masks_are_void_where_an_image_has_no_data(tmp_path, name, save, nodata, numbers, declared, void):
    """By the number that the training's masks have for void; probabilities are nan, overlays grey, shares without."""
    save(tmp_path / name)
    predictor = replace(PREDICTOR, numbers=numbers, void=declared, reading=Reading(nodata=nodata))

    [mask] = predict_files(predictor, [tmp_path / name], tmp_path / "out", probabilities=True, overlays=True)

    assert (read_labels(mask) == np.where(EMPTY, void, np.where(BRIGHT, numbers[1], numbers[0]))).all()
    with np.load(tmp_path / "out" / "probabilities" / "a.npz", allow_pickle=False) as held:
        assert (np.isnan(held["probabilities"]) == EMPTY).all()
    with Image.open(tmp_path / "out" / "overlays" / "a.jpg") as overlay:
        assert np.ptp(np.asarray(overlay)[:, 38:].astype(int), axis=2).max() < 12
        assert np.ptp(np.asarray(overlay)[:, 28:33].astype(int), axis=2).min() > 50
    found = predictor.predict(tmp_path / name)
    assert (predictor.labels(tmp_path / name) == found.labels).all()
    assert (found.labels == np.where(EMPTY, UNLABELED, BRIGHT)).all()
    assert found.shares == pytest.approx({"dark": 25 / 35, "bright": 10 / 35})
    found.save(tmp_path / "same.png")
    assert (tmp_path / "same.png").read_bytes() == mask.read_bytes()


def test_what_is_opened_already_is_void_where_its_file_is(tmp_path):
    """An image of Pillow, and an array of a file's whole numbers."""
    save_transparent(tmp_path / "a.png")
    predictor = replace(PREDICTOR, reading=Reading(nodata="transparent"))
    with Image.open(tmp_path / "a.png") as opened:
        assert (predictor.labels(opened) == predictor.labels(tmp_path / "a.png")).all()
    numbers = np.where(EMPTY, 7, BRIGHT * 200).astype(np.uint8)
    assert (replace(PREDICTOR, reading=Reading(nodata="7")).labels(numbers) == np.where(EMPTY, UNLABELED, BRIGHT)).all()


def test_an_image_without_any_data_is_void(tmp_path):
    """And is no reason to stop."""
    Image.fromarray(np.zeros((30, 40, 2), np.uint8)).save(tmp_path / "a.png")
    predictor = replace(PREDICTOR, reading=Reading(nodata="transparent"))
    [mask] = predict_files(predictor, [tmp_path / "a.png"], tmp_path / "out")
    assert (read_labels(mask) == 255).all()
    assert predictor.predict(tmp_path / "a.png").shares == {"dark": 0, "bright": 0}


def test_classes_with_numbers_that_masks_cannot_hold_are_refused(images, tmp_path):
    """-2 would be 254."""
    with pytest.raises(DataInvalid, match="cannot be saved where"):
        predict_files(replace(PREDICTOR, numbers=(-2, 1)), images, tmp_path / "out")


@pytest.mark.parametrize("within", [".", "images"])
def test_a_folder_is_answered_with_the_names_of_its_images(images, tmp_path, within):
    """Whoever follows the message predicts them; nothing is to be removed or replaced."""
    folder = images[0].parent
    if within != ".":
        (tmp_path / "data").mkdir()
        folder = folder.rename(tmp_path / "data" / within).parent
    with pytest.raises(DataInvalid) as raised:
        predict_files(PREDICTOR, [folder], tmp_path / "out")
    said = raised.value.fix
    assert "remove" not in said
    named = sorted(file for word in said.split() if "*" in word for file in Path("/").glob(word.lstrip("/")))
    assert len(predict_files(PREDICTOR, named, tmp_path / "out")) == 2


@pytest.mark.parametrize("name", ["mask.png", "mask.JPG", "probs.npz"])
def test_a_name_of_a_file_makes_no_folder(images, tmp_path, name):
    """`--out mask.png` means a file, and a folder of that name would be found by nobody."""
    with pytest.raises(DataInvalid, match="name a folder"):
        predict_files(PREDICTOR, images, tmp_path / name)
    assert not (tmp_path / name).exists()
    (tmp_path / "there").write_text("mine")
    with pytest.raises(DataInvalid, match="there is no folder"):
        predict_files(PREDICTOR, images, tmp_path / "there")


def test_masks_that_another_command_wrote_meanwhile_stay(images, tmp_path):
    """Both looked at the folder before either had written."""
    theirs = tmp_path / "out" / "two.png"

    def written(done, total):
        theirs.write_text("theirs")

    with pytest.raises(DataInvalid, match="two.png"):
        predict_files(PREDICTOR, images, tmp_path / "out", progress=written)
    assert theirs.read_text() == "theirs"


def test_a_folder_that_cannot_be_made_is_told_with_advice(images, tmp_path):
    """As below a file."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WriteRefused, match="choose another --out"):
        predict_files(PREDICTOR, images, tmp_path / "file" / "out")
