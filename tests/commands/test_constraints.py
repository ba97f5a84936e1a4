"""`weakseg constraints` as a person meets it."""

import shutil
from math import inf

import numpy as np
import pytest
from PIL import Image

from weakseg import Classes
from weakseg.commands.constraints import as_code
from weakseg.constraint_choice.propose import propose
from weakseg.constraints import All, ClassShares, TaggedClassesPresent


def _pasted(text: str) -> All:
    """The rules that the printed Python makes."""
    names: dict = {}
    exec(text[: text.index("\n)\n", text.index("constraint = ")) + 3], names)
    return names["constraint"]


def test_what_is_printed_is_python_and_true_of_the_masks(weakseg, hearts):
    """Every heart covers 576 of 4096 pixels; the rules say so, and every mask obeys them."""
    said = weakseg("constraints", hearts)

    assert said.code == 0, said.err
    assert TaggedClassesPresent(0.14, 2.0, 0) in _pasted(said.out).constraints
    assert "8 of 8 images" in said.out
    (presence,) = [line for line in said.out.splitlines() if "TaggedClassesPresent 0.14" in line]
    assert presence.split()[2:] == ["8", "100.0%", "8", "100.0%"]


def test_the_paper_s_settings_are_judged_too(weakseg, hearts):
    """A background of 86 % is outside its .3 to .7 in every image."""
    said = weakseg("constraints", hearts)

    (background,) = [line for line in said.out.splitlines() if "BackgroundBetween 0.3, 0.7" in line]
    assert background.split()[-4:] == ["8", "0.0%", "16", "50.0%"]


def test_a_few_sizes_are_enough(weakseg, hearts):
    """From the command line, or from sizes.csv where there is no mask; what is true of masks is then unknown."""
    shutil.rmtree(hearts / "masks")
    told = weakseg("constraints", hearts, "--size", "heart=0.1", "--size", "heart=0.2")
    (hearts / "sizes.csv").write_text("image,class,min,max\nslice00,heart,0.1,0.3\n")
    written = weakseg("constraints", hearts)

    for said in (told, written):
        assert said.code == 0, said.err
        assert TaggedClassesPresent(0.1, 2.0, 0) in _pasted(said.out).constraints
        assert "No image has a mask" in said.out
    assert "SizesWithin" in written.out


def test_a_few_sizes_do_not_demand_a_class_of_every_image(weakseg, hearts):
    """They were seen in some images; others may be without. The rules hold for these together, which is judged."""
    said = weakseg("constraints", hearts, "--size", "heart=0.1", "--size", "heart=0.2")

    (share,) = [rule for rule in _pasted(said.out).constraints if isinstance(rule, ClassShares)]
    assert (share.lower, share.upper) == (-inf, 0.2)
    assert "8 images have a mask" in said.out
    together = [line for line in said.out.splitlines() if "all together" in line][0]
    assert together.split()[2:4] == ["8", "100.0%"]


def test_rules_about_every_class_that_rest_on_some_say_so(weakseg, tmp_path):
    """The smallest share of a tagged class is one number for all classes."""
    folder = tmp_path / "farm"
    (folder / "images").mkdir(parents=True)
    Image.fromarray(np.full((8, 8), 9, dtype=np.uint8)).save(folder / "images" / "a.png")
    (folder / "dataset.toml").write_text('classes = ["background", "cow", "sheep"]\nbackground = "background"\n')

    said = weakseg("constraints", folder, "--size", "cow=0.1", "--size", "cow=0.2")

    assert "but rest on sizes of cow only" in said.out, said.err


def test_sizes_of_the_data_are_judged_as_they_are(weakseg, hearts):
    """A size that is wrong shows."""
    (hearts / "sizes.csv").write_text("image,class,min,max\nslice00,heart,0.1,0.3\nslice01,heart,0.5,0.6\n")

    said = weakseg("constraints", hearts)

    assert "sizes.csv as it is" in said.out
    (line,) = [
        line for line in said.out.splitlines() if line.startswith("  ") and "SizesWithin" in line and "%" in line
    ]
    assert line.split()[-4:] == ["2", "50.0%", "4", "75.0%"]


@pytest.mark.parametrize(
    ("words", "found"),
    [((), "has a mask or a size"), (("--size", "liver=0.1"), "--size liver=0.1"), (("--size", "heart=10"), "above 0"),
     (("--size", "heart"), "--size heart: ''"), (("--size", "heart=0.1"), "one size of heart"),
     (("--split", "few"), "few"), (("--size", "heart=nan"), "'nan'"),
     (("--size", "heart=20%", "--size", "liver=2"), "'20%' is not a fraction")],
    ids=["nothing known", "no such class", "ten", "no number", "one size", "no such split", "not a number", "per cent"],
)  # fmt: skip
def test_what_cannot_be_used_is_named(weakseg, hearts, words, found):
    """With what was expected, and without a traceback."""
    shutil.rmtree(hearts / "masks")

    said = weakseg("constraints", hearts, *words)

    assert said.code == 2
    assert found in said.err
    assert "Traceback" not in said.err


def test_weights_of_many_classes_are_short_and_the_same():
    """A person can tell which class a line of fifteen is about, and Python makes the rule again."""
    classes = Classes(tuple("abcdefghijklmno"))
    rules = propose(np.where(np.arange(15)[:, None] == 14, 0.5, 0.0) * np.ones((3, 15, 2)))

    text = as_code(rules, classes)

    assert "weights=(0.0,) * 14 + (1.0,), " in text
    assert "# o" in text
    assert _pasted(text) == All(rules)
