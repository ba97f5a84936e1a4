"""`everything_drawn`: classes that nobody drew on an image are absent from it, and masks are asked whether it is so."""

import numpy as np
import pytest
from farms import save, write

from weakseg import Folder
from weakseg.data.check.check import check
from weakseg.errors import DataInvalid
from weakseg.types import ABSENT, PRESENT, UNTOLD

NAMES = ("sky", "cow", "grass")


@pytest.fixture
def meadows(tmp_path):
    """Twelve images: sky and grass on all, a cow on the even ones, every class of an image drawn on it."""
    rng = np.random.default_rng(0)
    write(tmp_path / "classes.txt", *NAMES)
    for i in range(12):
        mask = np.zeros((24, 24), np.uint8)
        mask[12:] = 2
        if i % 2 == 0:
            mask[14:20, 4:14] = 1
        scribble = np.full_like(mask, 255)
        scribble[[3, 22], 2:20] = mask[[3, 22], 2:20]
        scribble[16, 5:12] = mask[16, 5:12]
        image = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        for folder, values in (("images", image), ("masks", mask), ("scribbles", scribble)):
            save(tmp_path / folder / f"{i}.png", values)
    return tmp_path


def told(folder, remark: bool) -> list:
    """The findings about the key."""
    return [
        f for f in check(str(folder)).findings if "drawn" in f.found and f.remark == remark and "dataset" in f.file.name
    ]


def test_it_is_proposed_where_all_masks_agree_and_following_it_tells_of_absent_classes(meadows):
    """The remark's own line, set in dataset.toml: no cow on odd images, and nothing more to propose."""
    (finding,) = told(meadows, remark=True)
    assert "`everything_drawn = true`" in finding.fix
    assert Folder(str(meadows), "all")[1].tags.tolist() == [PRESENT, UNTOLD, PRESENT]

    write(meadows / "dataset.toml", "everything_drawn = true")

    tags = {key: Folder(str(meadows), "all")[i].tags.tolist() for i, key in enumerate(Folder(str(meadows), "all").keys)}
    assert tags["1"] == [PRESENT, ABSENT, PRESENT]
    assert tags["2"] == [PRESENT, PRESENT, PRESENT]
    assert not told(meadows, remark=True)
    assert not told(meadows, remark=False)


def test_images_without_a_mask_agree_with_nothing(meadows):
    """Full masks of two images beside marks of twelve: two are too few to propose it from."""
    for i in range(2, 12):
        (meadows / "masks" / f"{i}.png").unlink()
    assert not told(meadows, remark=True)


def test_masks_that_show_more_than_was_drawn_contradict_it(meadows):
    """A cow that nobody drew: training would take it for absent; the list of the others is right."""
    save(
        meadows / "scribbles" / "4.png", np.where(np.arange(24)[:, None] == 3, 0, 255 * np.ones((24, 24))).astype("u1")
    )
    write(meadows / "dataset.toml", "everything_drawn = true")

    (finding,) = told(meadows, remark=False)
    assert finding.keys == ("4",)
    assert "cow" in finding.found
    assert "grass" in finding.found

    others = ", ".join(f'"{i}"' for i in range(12) if i != 4)
    write(meadows / "dataset.toml", f"everything_drawn = [{others}]")
    assert not told(meadows, remark=False)
    at = Folder(str(meadows), "all").keys.index("4")
    assert Folder(str(meadows), "all")[at].tags.tolist() == [PRESENT, UNTOLD, UNTOLD]


def test_it_is_not_proposed_where_a_class_was_left_out(meadows):
    """One image of twelve whose mask shows what nobody drew is enough."""
    save(
        meadows / "scribbles" / "4.png", np.where(np.arange(24)[:, None] == 3, 0, 255 * np.ones((24, 24))).astype("u1")
    )
    assert not told(meadows, remark=True)


def test_an_image_without_marks_says_nothing(meadows):
    """Nothing is absent from an image on which nobody drew."""
    save(meadows / "scribbles" / "3.png", np.full((24, 24), 255, np.uint8))
    write(meadows / "dataset.toml", "everything_drawn = true")
    at = Folder(str(meadows), "all").keys.index("3")
    assert Folder(str(meadows), "all")[at].tags.tolist() == [UNTOLD] * 3


def test_tables_speak_before_the_key(meadows):
    """A class that is tagged is present, though it is not drawn."""
    write(meadows / "tags.csv", "image,present,absent", "1,cow,")
    write(meadows / "dataset.toml", "everything_drawn = true")
    at = Folder(str(meadows), "all").keys.index("1")
    assert Folder(str(meadows), "all")[at].tags.tolist() == [PRESENT, PRESENT, PRESENT]


def test_keys_that_are_no_images_are_refused(meadows):
    """By name, as everywhere in dataset.toml."""
    write(meadows / "dataset.toml", 'everything_drawn = ["x*"]')
    with pytest.raises(DataInvalid, match=r"everything_drawn.*x\*"):
        len(Folder(str(meadows), "all"))
