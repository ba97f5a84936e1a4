"""`weakseg solve`: from a picture and scribbles in files to a mask in a file."""

import numpy as np
import pytest
from PIL import Image

from weakseg.data.image_file import read_image, read_labels


@pytest.fixture
def files(tmp_path):
    """A picture of two halves and a scribble on each; 255 is not drawn."""
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, 15:] = 200, 120, 40
    scribbles = np.full((20, 30), 255, np.uint8)
    scribbles[8:12, 5], scribbles[8:12, 24] = 0, 1
    Image.fromarray(image).save(tmp_path / "photo.png")
    Image.fromarray(scribbles).save(tmp_path / "drawn.png")
    return tmp_path


def redraw(files, change):
    """Change the scribbles."""
    scribbles = np.array(Image.open(files / "drawn.png"))
    Image.fromarray(change(scribbles)).save(files / "drawn.png")


def solve(weakseg, files, *more):
    """The command, on these files."""
    return weakseg("solve", files / "photo.png", "--scribbles", files / "drawn.png", "--out", files / "mask.png", *more)


def test_mask_and_overlay_are_written_and_described(weakseg, files):
    """With the labels of the scribbles; the energy, its bound and the time are told."""
    said = solve(weakseg, files, "--overlay", files / "look.png")

    assert said.code == 0, said.err
    assert (read_labels(files / "mask.png") == (np.arange(30) >= 15)).all()
    assert read_image(files / "look.png").shape == (3, 20, 30)
    assert "0: 50.0 %, 1: 50.0 %" in said.out
    assert all(word in said.out for word in ("energy", "at least", " s\n", "Optimal"))


def test_another_value_may_mean_not_drawn(weakseg, files):
    """As other programs have it: 0, and labels from 1."""
    redraw(files, lambda drawn: drawn + 1)

    said = solve(weakseg, files, "--unlabeled", 0)

    assert said.code == 0, said.err
    assert set(np.unique(read_labels(files / "mask.png"))) == {1, 2}


@pytest.mark.parametrize("ground", [(255, 255, 255, 255), (255, 0, 0, 0)], ids=["white", "transparent"])
def test_painted_scribbles_are_told_how_to_become_numbers(weakseg, files, ground):
    """The code of the message is for the colours in the file, and blended edges are not drawn."""
    red, blue, blend = (255, 0, 0, 255), (0, 0, 255, 255), (255, 0, 0, 128) if ground[3] == 0 else (255, 128, 128, 255)

    def paint(drawn):
        painted = np.full((*drawn.shape, 4), ground)
        painted[8:12, 4], painted[8:12, 5], painted[9:12, 24] = blend, red, blue
        return painted.astype(np.uint8)

    redraw(files, paint)
    said = solve(weakseg, files)
    assert (said.code, "[(255, 0, 0, 255), (0, 0, 255, 255)]" in said.err) == (2, True)
    code = [line[4:] for line in said.err.split("\n") if line.startswith("    ")]
    exec("\n".join(code), {"numpy": np, "PIL": __import__("PIL.Image"), "file": files / "drawn.png"})

    said = solve(weakseg, files)

    assert said.code == 0, said.err
    assert (read_labels(files / "mask.png") == (np.arange(30) >= 15)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda drawn: drawn[:10], "20 x 30 pixels, the scribbles 10 x 30"),
        (lambda drawn: np.full_like(drawn, 255), "Nothing is drawn"),
        (lambda drawn: np.where(drawn == 1, 255, drawn), "Only label 0"),
        (lambda drawn: drawn.clip(max=2), "--unlabeled"),
    ],
    ids=["another size", "nothing", "one label", "all drawn"],
)
def test_scribbles_that_cannot_do_are_named(weakseg, files, change, message):
    """With the file, and no mask is left behind."""
    redraw(files, change)

    said = solve(weakseg, files)

    assert said.code == 2
    assert message in said.err
    assert "drawn.png" in said.err
    assert "Traceback" not in said.err
    assert not (files / "mask.png").exists()


def test_labels_come_out_as_they_went_in(weakseg, files):
    """255 is a label like any other where another value means not drawn, and 300 makes a mask of 16 bits."""
    redraw(files, lambda drawn: np.where(drawn == 255, 0, np.where(drawn == 0, 255, drawn)))
    assert solve(weakseg, files, "--unlabeled", 0).code == 0
    assert set(np.unique(Image.open(files / "mask.png"))) == {1, 255}

    (files / "mask.png").unlink()
    redraw(files, lambda drawn: np.where(drawn == 255, np.uint16(300), drawn))
    assert solve(weakseg, files, "--unlabeled", 0).code == 0
    assert set(np.unique(Image.open(files / "mask.png"))) == {1, 300}


def test_a_label_that_masks_cannot_hold_is_refused(weakseg, files):
    """A PNG ends at 65535."""
    drawn = np.array(Image.open(files / "drawn.png")).astype(np.int32)
    Image.fromarray(np.where(drawn == 0, 70000, drawn)).save(files / "drawn.tif")

    said = weakseg("solve", files / "photo.png", "--scribbles", files / "drawn.tif", "--out", files / "mask.png")

    assert said.code == 2
    assert "label 70000" in said.err


@pytest.mark.parametrize("name", ["mask.png", "look.png"])
def test_nothing_is_overwritten(weakseg, files, name):
    """Neither mask nor overlay."""
    (files / name).write_bytes(b"mine")

    said = solve(weakseg, files, "--overlay", files / "look.png")

    assert said.code == 2
    assert name in said.err
    assert (files / name).read_bytes() == b"mine"
    assert len(list(files.iterdir())) == 3


@pytest.mark.parametrize("missing", ["photo.png", "drawn.png"])
def test_a_missing_file_is_named(weakseg, files, missing):
    """The picture, or the scribbles."""
    (files / missing).unlink()

    said = solve(weakseg, files)

    assert said.code == 2
    assert missing in said.err


def test_a_mask_and_an_overlay_of_one_name_are_refused(weakseg, files):
    """One would take the place of the other."""
    said = solve(weakseg, files, "--overlay", files / "mask.png")

    assert said.code == 2
    assert "asked for twice" in said.err
    assert not (files / "mask.png").exists()
