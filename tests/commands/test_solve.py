"""`weakseg solve`: from an image and scribbles in files to a mask in a file."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from weakseg.commands import solve as command
from weakseg.data.images.image_file import read_image
from weakseg.data.images.label_file import read_labels


@pytest.fixture
def files(tmp_path):
    """An image of two halves and a scribble on each; 255 is not drawn."""
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
    assert all(word in said.out for word in ("energy", "lower bound", " s\n", "Optimal"))


def test_another_value_may_mean_not_drawn(weakseg, files):
    """As other programs have it: 0, and labels from 1."""
    redraw(files, lambda drawn: drawn + 1)

    said = solve(weakseg, files, "--unlabeled", 0)

    assert said.code == 0, said.err
    assert set(np.unique(read_labels(files / "mask.png"))) == {1, 2}


RED, BLUE, GREEN = (255, 0, 0, 255), (0, 0, 255, 255), (0, 255, 0, 255)
RIGHT = np.arange(30) >= 15


def paint(files, ground, *, soft=False, colours=(RED, BLUE), mode="RGBA"):
    """The scribbles in colours; soft ones have edges between stroke and ground."""
    drawn = np.array(Image.open(files / "drawn.png"))
    painted = np.full((*drawn.shape, 4), ground, float)
    for label, colour in enumerate(colours):
        where = drawn == label
        if soft:
            edge = ndimage.binary_dilation(where, np.ones((3, 3))) & ~where
            painted[edge] = (np.array(ground) + colour) / 2 if ground[3] else (*colour[:3], 128)
        painted[where] = colour
    Image.fromarray(painted.astype(np.uint8)).convert(mode).save(files / "drawn.png")


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize(
    ("ground", "mode"),
    [((255, 255, 255, 255), "RGB"), ((255, 255, 255, 255), "RGBA"), ((0, 0, 0, 255), "RGB"), ((255, 0, 0, 0), "RGBA")],
    ids=["white", "white, opaque", "black", "transparent"],
)
def test_painted_scribbles_are_labels_by_colour(weakseg, files, ground, mode, soft):
    """The mask is in the same colours, and says which is which; blended edges are not drawn."""
    redraw(files, lambda drawn: np.where(np.roll(drawn, 1, axis=0) == 1, 1, drawn))
    paint(files, ground, soft=soft, mode=mode)

    said = solve(weakseg, files, "--json", "--overlay", files / "look.png")

    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert (told["labels"], told["names"]) == ([0, 1], {"0": "#0000ff", "1": "#ff0000"})
    assert (read_labels(files / "mask.png") == ~RIGHT).all()
    seen = np.asarray(Image.open(files / "mask.png").convert("RGBA"))
    assert (seen == np.where(RIGHT[:, None], BLUE, RED)).all()
    look = np.asarray(Image.open(files / "look.png")).astype(int)
    assert (look[:, :15, 0] > look[:, :15, 2]).all()
    assert "assumed to be unlabelled" in said.err
    assert ("blended edges" in said.err) == soft


def test_the_ground_can_be_told(weakseg, files):
    """Where it is not most of the painting, the message says how; then it is not guessed."""

    def halves(drawn):
        drawn[:, :9], drawn[:, 21:] = 0, 1
        return drawn

    redraw(files, halves)
    paint(files, (255, 255, 255, 255), colours=(BLUE, RED), mode="RGB")
    said = solve(weakseg, files)
    assert (said.code, '--unlabeled "#' in said.err) == (2, True)
    assert "#ffffff (240 pixels)" in said.err

    for ground in ("#ffffff", "#FFFFFF", "255"):
        said = solve(weakseg, files, "--unlabeled", ground)
        assert (said.code, said.err) == (0, "")
        assert (np.asarray(Image.open(files / "mask.png").convert("RGBA")) == np.where(RIGHT[:, None], RED, BLUE)).all()
        (files / "mask.png").unlink()

    for wrong, expected in (("#123456", "it does not contain #123456"), ("red", "#rrggbb"), ("300", "#rrggbb")):
        said = solve(weakseg, files, "--unlabeled", wrong)
        assert (said.code, expected in said.err, "Traceback" in said.err) == (2, True, False)


def test_a_small_stroke_between_two_others_in_colour_is_a_stroke(weakseg, files):
    """Grey beside black on white: a blend by its colour, not by its place."""

    def more(drawn):
        drawn[1:19, 3:6] = 0
        return drawn

    redraw(files, more)
    paint(files, (255, 255, 255, 255), colours=((0, 0, 0, 255), (128, 128, 128, 255)), mode="RGB")

    said = solve(weakseg, files)

    assert said.code == 0, said.err
    assert set(np.unique(read_labels(files / "mask.png"))) == {0, 128}
    assert "blended" not in said.err


def test_numbers_that_were_saved_as_colours_are_these_numbers(weakseg, files):
    """Three equal channels: as OpenCV writes them."""
    redraw(files, lambda drawn: np.repeat(np.where(drawn == 255, 0, drawn + 1)[:, :, None], 3, axis=2))

    said = solve(weakseg, files, "--unlabeled", 0)

    assert (said.code, said.err) == (0, "")
    assert (read_labels(files / "mask.png") == 1 + RIGHT).all()


def test_strokes_on_a_photo_are_told_to_be_saved_alone(weakseg, files):
    """Thousands of colours, on whatever ground."""
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for ground in (False, True):
        photo[:14] = 255 if ground else photo[:14]
        Image.fromarray(photo).save(files / "drawn.png")

        said = solve(weakseg, files)

        assert (said.code, "layer" in said.err, "Traceback" in said.err) == (2, True, False)


def test_a_data_folder_says_what_colours_and_numbers_mean(weakseg, files):
    """The mask has the numbers of its masks; what is not drawn is not asked for; a colour it does not know is told."""
    data = files / "data"
    data.mkdir()
    (data / "dataset.toml").write_text(
        'classes = ["left", "right"]\nfirst_value = 3\nunlabeled = 0\nvoid = 0\n[colours]\nleft = "#ff0000"\n'
        'right = ["#0000ff", "#00ff00"]\nunlabeled = "#ffffff"\n'
    )
    numbers = np.array(Image.open(files / "drawn.png"))
    redraw(files, lambda drawn: np.where(drawn == 255, 0, drawn + 3).astype(np.uint8))
    by_number = solve(weakseg, files, "--legend", data, "--json")
    assert (by_number.code, json.loads(by_number.out)["names"]) == (0, {"3": "left", "4": "right"})
    (files / "mask.png").unlink()

    Image.fromarray(numbers).save(files / "drawn.png")
    paint(files, (255, 255, 255, 255), mode="RGB")
    assert "leave out --unlabeled" in solve(weakseg, files, "--legend", data, "--unlabeled", "#ffffff").err
    said = solve(weakseg, files, "--legend", data)
    assert (said.code, said.err) == (0, "")
    assert "3 (left): 50.0 %, 4 (right): 50.0 %" in said.out
    assert (read_labels(files / "mask.png") == 3 + RIGHT).all()

    (files / "mask.png").unlink()
    Image.fromarray(numbers).save(files / "drawn.png")
    paint(files, (255, 255, 255, 255), colours=(RED, (0, 0, 250, 255)), mode="RGB")
    said = solve(weakseg, files, "--legend", data)
    assert (said.code, "drawn.png: 1 undeclared colour: #0000fa" in said.err) == (2, True)
    assert "no data folder" in solve(weakseg, files, "--legend", files / "nowhere").err


def test_an_image_is_read_as_the_data_folder_s_are(weakseg, files):
    """Its range, and pixels without data, which are void in the mask."""
    data = files / "data"
    data.mkdir()
    (data / "dataset.toml").write_text('classes = ["left", "right"]\nrange = [0, 4095]\nnodata = 9\nvoid = 7\n')
    deep = np.where(RIGHT, 3000, 500).astype(np.uint16)[None].repeat(20, axis=0)
    deep[:3] = 9
    Image.fromarray(deep).save(files / "photo.png")

    said = solve(weakseg, files, "--legend", data)

    assert (said.code, said.err) == (0, "")
    assert (read_labels(files / "mask.png") == np.where(np.arange(20)[:, None] < 3, 7, RIGHT)).all()
    assert "0 (left): 50.0 %" in said.out


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
    """The image, or the scribbles."""
    (files / missing).unlink()

    said = solve(weakseg, files)

    assert said.code == 2
    assert missing in said.err


def test_a_mask_and_an_overlay_of_one_name_are_refused(weakseg, files):
    """One would take the place of the other."""
    said = solve(weakseg, files, "--overlay", files / "mask.png")

    assert said.code == 2
    assert "is named twice" in said.err
    assert not (files / "mask.png").exists()


@pytest.mark.parametrize("name", ["mask.jpg", "mask.tif", "mask.npy", "mask"])
def test_a_mask_is_named_as_the_png_that_it_is(weakseg, files, name):
    """A JPEG of that name, made by the next program that saves it, would hold other labels."""
    for option in ("--out", "--overlay"):
        others = {"--out": files / "mask.png", "--overlay": files / "look.png", option: files / name}
        words = [word for pair in others.items() for word in pair]
        said = weakseg("solve", files / "photo.png", "--scribbles", files / "drawn.png", *words)

        assert said.code == 2
        assert f"{name} is not the name of a PNG file" in said.err
        assert "name it mask.png" in said.err
        assert {file.name for file in files.iterdir()} == {"photo.png", "drawn.png"}


def test_a_mask_that_another_command_wrote_meanwhile_stays(weakseg, files, monkeypatch):
    """A large image takes minutes."""
    segment = command.segment

    def slowly(*given):
        (files / "mask.png").write_bytes(b"theirs")
        return segment(*given)

    monkeypatch.setattr(command, "segment", slowly)
    said = solve(weakseg, files)

    assert said.code == 2
    assert "already exists" in said.err
    assert (files / "mask.png").read_bytes() == b"theirs"
