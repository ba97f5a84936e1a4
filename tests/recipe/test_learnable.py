"""Training labels are judged by themselves: masks that only judge teach nothing."""

import shutil

import numpy as np
import pytest
from farms import KEYS, TABLES, add, faults, lay_out, remarks, repaint, save, write

from weakseg import Fit, Phase, SeedsOnly, train_recipe
from weakseg.data.check.check import check
from weakseg.data.fold import Fold
from weakseg.data.folder.folder import Folder
from weakseg.errors import DataInvalid
from weakseg.networks.unet import UNet
from weakseg.recipe.default import choose
from weakseg.recipe.recipe import Recipe


@pytest.fixture
def drawn_farm(tmp_path):
    """Scribbles to learn from and masks to judge by, without tables."""
    root = lay_out(tmp_path)
    for name in TABLES:
        (root / name).unlink()
    return root


def _erase(root, *labels, keys=KEYS):
    for key in keys:
        repaint(root / "scribbles" / f"{key}.png", lambda a: np.where(np.isin(a, labels), 255, a))


@pytest.mark.parametrize("splits", [True, False])
@pytest.mark.parametrize("masks", [True, False])
def test_a_background_that_nobody_drew_is_a_fault(drawn_farm, masks, splits):
    """With masks that show it and without, with lists and without; one stroke on one training image fixes it."""
    _erase(drawn_farm, 0)
    for folder, kept in (("masks", masks), ("splits", splits)):
        if not kept:
            shutil.rmtree(drawn_farm / folder)

    (told,) = faults(drawn_farm).values()

    assert "no training label shows 'background'" in told.found
    assert "draw 'background'" in told.fix
    repaint(drawn_farm / "scribbles" / "a.png", lambda a: np.where(np.arange(12)[:, None] == 11, 0, a))
    assert not check(str(drawn_farm)).refused


def test_a_training_refuses_what_can_never_be_learnt(drawn_farm):
    """Before it begins, in the words of the check."""
    choose(str(drawn_farm), "unet")
    _erase(drawn_farm, 0)
    (told,) = faults(drawn_farm).values()

    with pytest.raises(DataInvalid) as raised:
        choose(str(drawn_farm), "unet")

    assert raised.value.found == told.found


def test_a_class_that_only_validation_shows_is_a_fault(drawn_farm):
    """Be it drawn on the validation images; each way out that the message names fixes it."""
    _erase(drawn_farm, 2, keys=KEYS[:4])

    (told,) = faults(drawn_farm).values()

    assert "shows 'sheep'" in told.found
    with pytest.raises(DataInvalid, match="shows 'sheep'"):
        choose(str(drawn_farm), "unet")
    write(drawn_farm / "dataset.toml", 'unscored = ["sheep"]')
    assert not faults(drawn_farm)
    write(drawn_farm / "dataset.toml", 'merge = { sheep = "cow" }')
    assert not faults(drawn_farm)


def test_training_on_masks_alone_is_judged_as_well(drawn_farm):
    """Where nothing else is there, masks of the training images teach."""
    shutil.rmtree(drawn_farm / "scribbles")
    assert not faults(drawn_farm)

    for key in KEYS[:4]:
        repaint(drawn_farm / "masks" / f"{key}.png", lambda a: np.where(a == 2, 0, a))
    assert "'sheep'" in faults(drawn_farm)["splits/train.txt"].found


@pytest.mark.parametrize("splits", [True, False])
def test_masks_that_only_judge_are_a_remark_whose_advice_trains(drawn_farm, splits):
    """The folder is sound, and a training of it has to be asked for in one of the two ways that are named."""
    shutil.rmtree(drawn_farm / "scribbles")
    if not splits:
        shutil.rmtree(drawn_farm / "splits")
    with pytest.raises(DataInvalid, match="nothing is drawn"):
        choose(str(drawn_farm), "unet")

    told = remarks(drawn_farm)["splits/train.txt" if splits else "."]

    assert "the training images have masks only" in told.found
    assert not faults(drawn_farm)
    assert "--labels masks" in told.fix
    assert (choose(str(drawn_farm), "unet", labels=("masks",)).training[0].seeds >= 0).all()
    (line,) = (part for part in told.fix.split("`") if part.startswith("fully_labelled"))
    write(drawn_farm / "dataset.toml", line)
    assert (choose(str(drawn_farm), "unet").training[0].seeds >= 0).all()
    assert not [told for told in remarks(drawn_farm).values() if "masks only" in told.found]


def test_marks_of_one_class_alone_are_a_fault(drawn_farm):
    """Whichever it is; what fixes it is named."""
    _erase(drawn_farm, 0, 1)

    (told,) = faults(drawn_farm).values()

    assert "'sheep' is the only class" in told.found
    assert "'background' first" in told.fix


def test_a_data_set_of_one_class_is_a_fault(drawn_farm):
    """A loss of 0 and a perfect score come free; a class of what is around it fixes it."""
    write(drawn_farm / "classes.txt", "cow")
    for folder in ("masks", "scribbles"):
        for key in KEYS:
            repaint(drawn_farm / folder / f"{key}.png", lambda a: np.where(a == 1, 0, 255))

    (told,) = faults(drawn_farm).values()

    assert "'cow' is the only class" in told.found
    with pytest.raises(DataInvalid, match="'cow' is the only class"):
        choose(str(drawn_farm), "unet")
    write(drawn_farm / "classes.txt", "cow", "background")
    for key in KEYS:
        repaint(drawn_farm / "masks" / f"{key}.png", lambda a: np.where(a == 255, 1, a))
        repaint(drawn_farm / "scribbles" / f"{key}.png", lambda a: np.where(np.arange(12)[:, None] == 9, 1, a))
    assert not faults(drawn_farm)


def test_tables_speak_of_the_background_by_their_rules(drawn_farm):
    """Nothing has to be drawn on it where classes are tagged or boxed."""
    _erase(drawn_farm, 0, 1, 2)
    write(drawn_farm / "boxes.csv", TABLES["boxes.csv"][0], "a,cow,4,3,12,8", "b,sheep,0,9,3,12")

    assert not faults(drawn_farm)


def test_a_class_that_nothing_tells_of_is_a_remark(drawn_farm):
    """These images may have none of it."""
    add(drawn_farm / "classes.txt", "goat")

    assert not faults(drawn_farm)
    assert "'goat'" in remarks(drawn_farm)["classes.txt"].found


def test_validation_masks_without_a_valid_pixel_are_a_fault(drawn_farm):
    """There is nothing to judge by."""
    for key in KEYS[4:]:
        repaint(drawn_farm / "masks" / f"{key}.png", lambda a: np.full_like(a, 255))

    assert "void (value 255) everywhere" in faults(drawn_farm)["splits/val.txt"].found
    repaint(drawn_farm / "masks" / "e.png", lambda a: np.zeros_like(a))
    assert not faults(drawn_farm)


def test_marks_along_the_border_alone_are_a_remark(drawn_farm):
    """Of a class that is elsewhere too, and not where masks have it at the border only."""
    for key in KEYS:
        repaint(drawn_farm / "scribbles" / f"{key}.png", lambda a: np.roll(a, -1, 0))
    assert "all labelled pixels of 'background' lie within 5% of the border" in remarks(drawn_farm)["."].found

    for key in KEYS:
        edge = np.ones((12, 16), np.uint8)
        edge[0] = 0
        edge[9:, :3] = 2
        save(drawn_farm / "masks" / f"{key}.png", edge)
    told = [finding.found for finding in check(str(drawn_farm)).findings]
    assert not [text for text in told if "border" in text]


def test_tags_that_are_all_alike_are_a_remark(drawn_farm):
    """They never say where; an image without one of the classes, or a click, does."""
    for folder in ("scribbles", "masks"):
        shutil.rmtree(drawn_farm / folder)
    write(drawn_farm / "tags.csv", TABLES["tags.csv"][0], *(f"{key},background;cow," for key in KEYS))
    assert "the same tags (background, cow)" in remarks(drawn_farm)["tags.csv"].found

    write(drawn_farm / "clicks.csv", TABLES["clicks.csv"][0], "a,cow,7,6")
    assert "tags.csv" not in remarks(drawn_farm)

    (drawn_farm / "clicks.csv").unlink()
    write(drawn_farm / "tags.csv", TABLES["tags.csv"][0], *(f"{k},background;cow," for k in "abc"), "d,background,cow")
    assert "tags.csv" not in remarks(drawn_farm)


def test_sizes_alone_are_a_remark(drawn_farm):
    """Sizes of the same classes everywhere say how much; tags that tell images apart say where."""
    for folder in ("scribbles", "masks"):
        shutil.rmtree(drawn_farm / folder)
    sizes = (f"{key},{name},0.2,0.6" for key in KEYS for name in ("background", "cow"))
    write(drawn_farm / "sizes.csv", TABLES["sizes.csv"][0], *sizes)
    assert "sizes are the only labels of 4 images" in remarks(drawn_farm)["sizes.csv"].found

    write(drawn_farm / "tags.csv", TABLES["tags.csv"][0], "a,background;cow,", "b,background,cow")
    assert not {"sizes.csv", "tags.csv"} & set(remarks(drawn_farm))


def test_unreadable_labels_are_told_before_what_they_fail_to_teach(drawn_farm):
    """One fault, not two."""
    _erase(drawn_farm, 0)
    (drawn_farm / "scribbles" / "a.png").write_bytes(b"")

    assert list(faults(drawn_farm)) == ["scribbles/a.png"]


def test_a_table_that_cannot_be_read_is_told_before_what_it_fails_to_teach(drawn_farm):
    """It may be the one that tells."""
    shutil.rmtree(drawn_farm / "scribbles")
    write(drawn_farm / "tags.csv", "image;present;absent", "a;cow;")

    assert list(faults(drawn_farm)) == ["tags.csv"]
    assert not [told for told in remarks(drawn_farm).values() if "masks only" in told.found]


@pytest.mark.parametrize("table", ["clicks.csv", "boxes.csv"])
@pytest.mark.parametrize("part", [False, True], ids=["folder", "part of it"])
def test_labels_beside_their_image_are_refused_before_the_training(tmp_path, table, part):
    """They were dropped or cut off without a word; nothing is written."""
    for number in range(5):
        save(tmp_path / "images" / f"p{number}.png", np.full((20, 30), 40 * number, np.uint8))
    write(tmp_path / "classes.txt", "a", "b")
    rows = {
        "clicks.csv": ["image,class,x,y", "p0,a,3,4", "p0,b,29,19", "p1,b,19,29"],
        "boxes.csv": ["image,class,left,top,right,bottom", "p0,a,0,0,30,20", "p1,b,0,0,20,30"],
    }
    write(tmp_path / table, *rows[table])
    training = Folder(str(tmp_path), "all")
    assert training[0].key == "p0"
    with pytest.raises(DataInvalid, match=f"(?s){table}.*p1.*x and y are exchanged"):
        training[1]
    training = Fold(training, held_out=False, part=4) if part else training
    recipe = Recipe(training, UNet(8, 1), (Phase(Fit(SeedsOnly()), 1),), batch_size=2)

    with pytest.raises(DataInvalid, match=f"(?s){table}.*p1.*x and y are exchanged"):
        train_recipe(recipe, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
