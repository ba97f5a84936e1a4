"""Painted label maps are read by the colours that dataset.toml declares, and every advice about them is right."""

import re

import numpy as np
import pytest
from farms import KEYS, MASK, NAMES, SCRIBBLE, add, faults, lay_out, remarks, save, write
from PIL import Image

from weakseg.data.folder.folder import Folder
from weakseg.data.images.label_file import write_labels
from weakseg.data.simulate.annotators import Scribbles, Simulated
from weakseg.data.simulate.files import write_simulated
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED

PAINT = {0: (0, 0, 0), 1: (48, 112, 32), 2: (176, 112, 32), 255: (255, 255, 255)}
TABLE = (
    "[colours]", 'background = "#000000"', 'cow = "#307020"', "sheep = [176, 112, 32]", 'unlabeled = "#FFFFFF"',
    'void = "#ffffff"',
)  # fmt: skip
OF_NUMBERS = {name: f"#{r:02x}{g:02x}{b:02x}" for name, (r, g, b) in zip(NAMES, PAINT.values(), strict=False)}


def painted(numbers, clear=False):
    """The colours of a label map; with `clear`, 255 is transparent."""
    rgb = np.array([PAINT.get(number, (0, 0, 0)) for number in range(256)], np.uint8)[numbers]
    return np.dstack([rgb, np.where(numbers == 255, 0, 255).astype(np.uint8)]) if clear else rgb


def as_palette(numbers):
    """A palette image of the colours whose order is another one than that of the classes."""
    order = [255, 2, 0, 1]
    image = Image.fromarray(np.select([numbers == each for each in order], range(4)).astype(np.uint8))
    image.putpalette([channel for each in order for channel in PAINT[each]])
    return image


@pytest.fixture
def farm(tmp_path):
    """A folder with nothing but masks and scribbles; two pixels of the masks are void."""
    root = lay_out(tmp_path)
    for table in root.glob("*.csv"):
        table.unlink()
    for key in KEYS:
        save(root / "masks" / f"{key}.png", holed())
    return root


def holed():
    """The mask with two void pixels."""
    mask = MASK.copy()
    mask[0, :2] = 255
    return mask


def paint(root, folder, numbers, **kind):
    """All maps of a folder in colours."""
    for key in KEYS:
        save(root / folder / f"{key}.png", painted(numbers, **kind))


def in_classes(numbers):
    """What a map of these values means."""
    return np.where(numbers == 255, UNLABELED, numbers.astype(int))


def assert_read(root, masks=None, scribbles=SCRIBBLE):
    """That what is trained on and judged by is what was drawn, and that a check finds nothing."""
    masks = holed() if masks is None else masks
    assert not faults(root)
    for sample in Folder(str(root), "all"):
        assert np.array_equal(sample.truth, in_classes(masks))
        assert np.array_equal(sample.valid, masks != 255)
        assert np.array_equal(sample.seeds, in_classes(scribbles))


def run(fix, file):
    """Runs the lines of code of an advice for a file."""
    code = [line for line in fix.split("\n") if line.startswith("    ")]
    exec("\n".join(line[4:] for line in code), {"numpy": np, "PIL": __import__("PIL.Image"), "file": file})


def pasted(fix, names):
    """The table of an advice, with the name of its class in the place of each number."""
    lines = [line[4:] for line in fix.split("\n") if line.startswith("    ")]
    return [re.sub(r'^"\? \d+"(.*"(#\w+|transparent)")', lambda m: f"{names[m[2]]}{m[1]}", line) for line in lines]


@pytest.mark.parametrize("kind", ["colours", "opaque", "palette"])
def test_colours_are_read_as_the_classes_they_are_declared_to_be(farm, kind):
    """In masks and in scribbles, whatever kind of file holds them."""
    write(farm / "dataset.toml", *TABLE)
    for folder, numbers in (("masks", holed()), ("scribbles", SCRIBBLE)):
        for key in KEYS:
            image = as_palette(numbers) if kind == "palette" else Image.fromarray(painted(numbers))
            (image.convert("RGBA") if kind == "opaque" else image).save(farm / folder / f"{key}.png")

    assert_read(farm)


def test_numbers_are_read_as_numbers_beside_painted_maps(farm):
    """Grey scribbles go with painted masks."""
    write(farm / "dataset.toml", *TABLE)
    paint(farm, "masks", holed())

    assert_read(farm)


def test_what_is_transparent_is_not_drawn_where_that_is_declared(farm):
    """Whatever colour lies under it; elsewhere it is a colour that nobody declared."""
    paint(farm, "scribbles", SCRIBBLE, clear=True)
    write(farm / "dataset.toml", *TABLE)
    told = faults(farm)["scribbles/a.png"]
    assert told.found == "1 undeclared colour: transparent (175 pixels)"
    assert 'unlabeled = "transparent"' in told.fix
    assert 'name = ["#000000", "transparent"]' in told.fix

    write(farm / "dataset.toml", *(line.replace('"#FFFFFF"', '["#FFFFFF", "transparent"]') for line in TABLE))

    assert_read(farm)


def test_a_class_of_the_colour_of_nothing_is_not_drawn(farm):
    """Black is background in masks, and in scribbles what nobody drew."""
    mask, marks = MASK.copy(), np.where(SCRIBBLE == 255, 0, SCRIBBLE)
    paint(farm, "masks", mask)
    paint(farm, "scribbles", marks)
    write(farm / "dataset.toml", *TABLE[:4])
    told = faults(farm)["scribbles"]
    assert "all pixels of all maps are labelled" in told.found

    add(farm / "dataset.toml", re.search('`(unlabeled = "[^`]+)`', told.fix)[1])

    # There is nothing to learn the background from, and that is all.
    assert [*faults(farm)] == ["splits/train.txt"]
    assert np.array_equal(Folder(str(farm))[0].truth, in_classes(mask))
    assert np.array_equal(Folder(str(farm))[0].seeds, in_classes(np.where(marks == 0, 255, marks)))


def test_the_colours_found_are_a_table_to_paste(farm):
    """The most frequent first; one is enough for all maps of a folder, and names are left to who knows them."""
    paint(farm, "masks", holed())
    paint(farm, "scribbles", SCRIBBLE, clear=True)
    told = faults(farm)
    names = {colour: name for name, colour in OF_NUMBERS.items()} | {"#ffffff": "void"}
    lines = pasted(told["masks/a.png"].fix, names)
    assert [line.split(" = ")[0] for line in lines] == ["[colours]", "background", "cow", "sheep", "void"]
    write(farm / "dataset.toml", *lines)
    told = faults(farm)
    assert all(file.startswith("scribbles/") for file in told)

    add(farm / "dataset.toml", *pasted(told["scribbles/a.png"].fix, names))

    assert_read(farm)


def test_a_training_names_the_colours_too(farm):
    """Who trains without a check reads the same table."""
    paint(farm, "scribbles", SCRIBBLE)

    with pytest.raises(DataInvalid, match="colour image; 4 undeclared colours: #ffffff") as error:
        Folder(str(farm))[0]

    assert '"#ffffff"  # 175 pixels' in error.value.fix


def test_a_table_without_names_is_no_table(farm):
    """What is pasted as it is says which names are missing."""
    paint(farm, "masks", MASK)
    write(
        farm / "dataset.toml", *pasted(faults(farm)["masks/a.png"].fix, {c: '"? 1"' for c in OF_NUMBERS.values()})[:2]
    )

    told = faults(farm)["dataset.toml"]

    assert "'? 1'" in told.found
    assert "background, cow, sheep, void, unlabeled" in told.expected


def test_the_labelmap_of_cvat_is_proposed_and_never_used_in_silence(farm):
    """Its lines become a table to paste, and the masks are refused until it is."""
    paint(farm, "masks", MASK)
    write(
        farm / "labelmap.txt", "# label:color_rgb:parts:actions", "background:0,0,0::", "cow:48,112,32::",
        "sheep:176,112,32::",
    )  # fmt: skip
    fix = faults(farm)["masks/a.png"].fix
    assert "labelmap.txt" in fix
    assert pasted(fix, {}) == pasted(remarks(farm)["labelmap.txt"].fix, {})

    write(farm / "dataset.toml", *pasted(fix, {}))

    assert_read(farm, MASK)
    assert "labelmap.txt" not in remarks(farm)


def test_a_labelmap_names_the_classes_where_nothing_else_does(farm):
    """The order of its lines is a proposal too."""
    paint(farm, "masks", MASK)
    (farm / "classes.txt").unlink()
    write(farm / "labelmap.txt", "background:0,0,0::", "cow:48,112,32::", "sheep:176,112,32::")
    fix = remarks(farm)["labelmap.txt"].fix

    write(farm / "dataset.toml", re.search("`(classes = [^`]+)`", fix)[1], *pasted(fix, {}))

    assert_read(farm, MASK)


def test_a_labelmap_that_is_none_is_passed_over(farm):
    """Another program's file of the same name proposes nothing."""
    write(farm / "labelmap.txt", "cow", "sheep:1", "horse:1,2,x:", ":1,2,3:", "goat:1,2,999::")

    assert "labelmap.txt" not in remarks(farm)


def test_undeclared_colours_are_counted_and_compared(farm):
    """With the file, and the declared colour that is nearest."""
    write(farm / "dataset.toml", *TABLE)
    wrong = painted(holed())
    wrong[0, 4:7] = (48, 112, 40)
    paint(farm, "masks", holed())
    save(farm / "masks" / "b.png", wrong)

    told = faults(farm)

    assert [*told] == ["masks/b.png"]
    assert told["masks/b.png"].found == (
        "1 undeclared colour: #307028 (3 pixels, nearest is #307020, 'cow')"
    )  # fmt: skip
    add(farm / "dataset.toml", *pasted(told["masks/b.png"].fix, {"#307028": "calf"}))
    write(farm / "classes.txt", *NAMES, "calf")
    assert not [file for file in faults(farm) if file.startswith("masks")]


def soft(numbers):
    """A painted map whose edges a soft brush blended."""
    rgb = painted(numbers).astype(float)
    blurred = rgb.copy()
    blurred[:, 1:-1] = (rgb[:, :-2] + 2 * rgb[:, 1:-1] + rgb[:, 2:]) / 4
    return blurred.round().astype(np.uint8)


@pytest.mark.parametrize("nothing", [True, False])
def test_blended_edges_are_told_of_and_can_mean_nothing(farm, nothing):
    """No edge is given to a class: what the advice changes is not judged, and the rest is what it was."""
    write(farm / "dataset.toml", *(TABLE if nothing else TABLE[:5]))
    for key in KEYS:
        save(farm / "masks" / f"{key}.png", soft(MASK))
    fix = faults(farm)["masks/a.png"].fix
    assert "anti-aliasing off" in fix

    for key in KEYS:
        run(fix, farm / "masks" / f"{key}.png")
    if not nothing:
        add(farm / "dataset.toml", re.search('`(void = "[^`]+)`', fix)[1])

    plain = (soft(MASK) == painted(MASK)).all(axis=2)
    assert 0 < plain.sum() < plain.size
    assert_read(farm, np.where(plain, MASK, 255))


def test_half_transparent_strokes_can_be_made_full(farm):
    """A brush of low opacity."""
    write(farm / "dataset.toml", *(line.replace("#FFFFFF", "transparent") for line in TABLE))
    paint(farm, "masks", holed())
    for key in KEYS:
        marks = painted(SCRIBBLE, clear=True)
        marks[..., 3][SCRIBBLE == 1] = 200
        save(farm / "scribbles" / f"{key}.png", marks)
    told = faults(farm)["scribbles/a.png"]
    assert "#307020c8 (4 pixels" in told.found

    for key in KEYS:
        run(told.fix, farm / "scribbles" / f"{key}.png")

    assert_read(farm)


def test_three_equal_channels_become_the_numbers_they_are(farm):
    """Values that OpenCV saved as colours."""
    for key in KEYS:
        save(farm / "masks" / f"{key}.png", np.repeat(holed()[:, :, None], 3, axis=2))
    fix = faults(farm)["masks/a.png"].fix

    for key in KEYS:
        code = re.search("`(.*)`", fix)[1]
        exec(code, {"PIL": __import__("PIL.Image"), "file": farm / "masks" / f"{key}.png"})

    assert_read(farm)


def test_a_palette_whose_numbers_are_meant_can_be_saved_in_grey(farm):
    """Masks that weakseg wrote, beside painted scribbles."""
    write(farm / "dataset.toml", *TABLE)
    for key in KEYS:
        write_labels(farm / "masks" / f"{key}.png", in_classes(holed()))
    fix = faults(farm)["masks/a.png"].fix

    for key in KEYS:
        code = re.search(r"in grey: `(.*)`", fix)[1]
        exec(code, {"PIL": __import__("PIL.Image"), "numpy": np, "file": farm / "masks" / f"{key}.png"})

    assert_read(farm)


def test_simulated_scribbles_are_read_beside_painted_masks(farm, tmp_path):
    """They are written as numbers, whose palette must not be taken for paint."""
    write(farm / "dataset.toml", *TABLE)
    paint(farm, "masks", holed())
    folder = Folder(str(farm))

    places = write_simulated(folder, (Scribbles(),), 1, tmp_path / "simulated")

    read = Folder(str(farm), labels=tuple(map(str, places)))
    assert np.array_equal(read[0].seeds, Simulated(folder, (Scribbles(),), 1)[0].seeds)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('cow = "red"', "[red, green, blue]"), ("cow = 3", "[red, green, blue]"),
        ("cow = [0, 1]", "[red, green, blue]"),
        ('cow = ["#000001", "red"]', "[red, green, blue]"), ("cow = [0, 0, 256]", "[red, green, blue]"),
        ("cow = [0, 0, true]", "[red, green, blue]"), ('cow = "#12345"', "[red, green, blue]"),
        ('caw = "#123456"', "'cow'"), ('sheep = "#000000"', "correct one of them"), ('void = "#000000"', "correct one"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_told_of(farm, line, told):
    """With what would be right."""
    write(farm / "dataset.toml", "[colours]", 'background = "#000000"', line)

    finding = faults(farm)["dataset.toml"]

    assert told in finding.expected + finding.fix


def test_a_photo_among_the_label_maps_is_told_of_in_short(farm, monkeypatch):
    """Its thousands of colours are not all kept."""
    monkeypatch.setattr("weakseg.data.label_values.habits.MOST_COLOURS", 20)
    monkeypatch.setattr("weakseg.data.label_values.paint.MOST_COLOURS", 20)
    photo = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    photo[:3] = 7, 8, 9
    save(farm / "masks" / "a.png", photo)

    told = faults(farm)["masks/a.png"]

    assert "20 undeclared colours or more: #070809 (48 pixels)" in told.found
    assert "if these are photos" in told.fix


def test_lossy_paint_is_refused(farm):
    """A JPEG has no colours that can be trusted."""
    write(farm / "dataset.toml", *TABLE)
    (farm / "masks" / "a.png").unlink()
    Image.fromarray(painted(MASK)).save(farm / "masks" / "a.jpg")

    assert "JPEG" in faults(farm)["masks/a.jpg"].found


def test_indices_that_mean_nothing_are_not_advised(farm):
    """A paint program puts colours into the order in which they occur: saved in grey they would be other classes."""
    write(farm / "dataset.toml", *TABLE)
    for turn, key in enumerate(KEYS):
        numbers = in_classes(holed())
        order = np.roll([0, 1, 255], turn)
        indices = np.select([numbers == each for each in order], [0, 1, 2], 0).astype(np.uint8)
        image = Image.fromarray(indices)
        strange = {0: (9, 9, 9), 1: (99, 9, 9), 255: (9, 99, 9)}
        image.putpalette([channel for each in order for channel in strange[each]])
        image.save(farm / "masks" / f"{key}.png")

    assert "in grey" not in faults(farm)["masks/a.png"].fix
