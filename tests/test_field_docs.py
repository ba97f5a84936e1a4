"""`help(weakseg.NAME)` says of each setting what it means."""

import inspect
import pydoc
import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import pytest

import weakseg
from weakseg.errors import WeaksegError
from weakseg.field_docs import documented
from weakseg.homes import HOMES

PUBLIC = {name: getattr(weakseg, name) for name in HOMES if is_dataclass(getattr(weakseg, name))}

RECIPE = weakseg.Recipe(weakseg.Scenes(4), weakseg.UNet(), (weakseg.Phase(weakseg.Fit(weakseg.SeedsOnly()), 1),))

RANGES = {
    "above 0": ((0.0, -1.0), ()),
    "0 or above": ((-1.0,), (0.0,)),
    "0 or more": ((-1,), (0,)),
    "1 or above": ((0.9,), (1.0,)),
    "1 or more": ((0,), (1,)),
    "2 or more": ((1,), (2,)),
    "up to 1": ((1.1,), (1.0,)),
    "in [0, 1]": ((-0.1, 1.1), (0.0, 1.0)),
    "in (0, 1)": ((0.0, 1.0), ()),
    "between 0 and 1": ((0.0, 1.0), ()),
    "from 0 to 1e30": ((-1.0, 2e30), (0.0, 1e30)),
    "from 0 to `of` - 1": ((-1, 5), (0, 4)),
    "from -32768 to 65535": ((-32769, 65536), (-32768, 65535)),
    "4 or 8": ((0, 6), (4, 8)),
    "multiple of 8": ((0, 12), (8, 16)),
}
"""What a range in words refuses, and what it allows."""

CHECKED = [
    *((RECIPE, name, "1 or more") for name in ("batch_size", "validate_every", "least_steps", "patience")),
    (RECIPE, "seed", "0 or more"),
    (RECIPE.phases[0], "epochs", "1 or more"),
    (RECIPE.phases[0], "steps_per_batch", "1 or more"),
    (RECIPE.phases[0], "learning_rate", "above 0"),
    (RECIPE.phases[0], "update_targets_every", "1 or more"),
    (weakseg.Regularize(weakseg.Entropy()), "weight", "0 or above"),
    (weakseg.MeanField(), "weight", "0 or above"),
    (weakseg.MeanField(), "steps", "1 or more"),
    (weakseg.AlphaExpansion(), "prediction_weight", "from 0 to 1e30"),
    (weakseg.AlphaExpansion(), "max_sweeps", "1 or more"),
    (weakseg.AlphaExpansion(), "cell_px", "1 or more"),
    (weakseg.DualProjection(weakseg.SizesWithin()), "hardness", "above 0"),
    (weakseg.Collision(), "floor", "in (0, 1)"),
    (weakseg.CollisionDivergence(), "floor", "in (0, 1)"),
    (weakseg.ColorContrast(), "variance", "above 0"),
    *((weakseg.DenseCRF(), name, "above 0") for name in ("sxy", "srgb", "smooth_sxy")),
    *((weakseg.DenseCRF(), name, "0 or above") for name in ("compat", "smooth_compat")),
    (weakseg.GridPotts(), "neighbours", "4 or 8"),
    *((weakseg.LocalKernel(), name, "above 0") for name in ("radius", "position", "color")),
    (weakseg.LocalKernel(), "radius", "up to 1"),
    (weakseg.MumfordShah(), "boundary_weight", "0 or above"),
    (weakseg.ImageLevelPrior(weakseg.UNet()), "sharpness", "above 0"),
    (weakseg.UNet(), "depth", "1 or more"),
    (weakseg.UNet(), "width", "multiple of 8"),
    (weakseg.Pretrained("here"), "enlarge", "1 or above"),
    (weakseg.Scribbles(), "length", "in [0, 1]"),
    (weakseg.Scribbles(), "width_px", "above 0"),
    (weakseg.OneBitSizes(), "threshold", "between 0 and 1"),
    (weakseg.IntervalSizes(), "margin", "in [0, 1]"),
    (weakseg.Simulated(weakseg.Scenes(4), ()), "seed", "0 or more"),
    (weakseg.SomeMasks(weakseg.Scenes(4), 1), "seed", "0 or more"),
    (weakseg.SomeMasks(weakseg.Scenes(4), 1), "per_class", "0 or more"),
    (weakseg.Fold(weakseg.Scenes(10), True), "part", "from 0 to `of` - 1"),
    (weakseg.Fold(weakseg.Scenes(10), True), "of", "2 or more"),
    *((weakseg.Declaration(), name, "from -32768 to 65535") for name in ("unlabeled", "void", "first_value")),
]


def shown(thing: object) -> str:
    """What `help` prints, without its margin."""
    lines = pydoc.plain(pydoc.render_doc(thing)).splitlines()
    return "\n".join(line.removeprefix(" |  ").rstrip() for line in lines)


def settings(thing: Any) -> dict[str, str]:
    """What is told of each setting, on one line."""
    section = shown(thing).partition("\nSettings:\n")[2].partition("\n\n")[0]
    told = re.split(r"^    (\w+): .*$", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in zip(told[1::2], told[2::2], strict=True)}


@pytest.mark.parametrize("name", PUBLIC)
def test_each_setting_says_what_it_means(name):
    """A sentence, or the rest of one that begins with the setting's name."""
    expected = [field.name for field in fields(PUBLIC[name]) if field.init]
    told = settings(PUBLIC[name])
    assert [*told] == expected
    assert [setting for setting, text in told.items() if not text.endswith(".")] == []


@pytest.mark.parametrize(("whole", "name", "words"), CHECKED, ids=[f"{type(of).__name__}-{n}" for of, n, _ in CHECKED])
def test_the_range_that_is_told_is_the_one_that_is_checked(whole, name, words):
    """What lies outside is refused, and what lies on its ends is not where they belong to it."""
    assert words in settings(type(whole))[name]
    refused, allowed = RANGES[words]
    for value in refused:
        with pytest.raises(WeaksegError):
            made(whole, name, value)
    for value in allowed:
        made(whole, name, value)


def made(whole: Any, name: str, value: float) -> None:
    """The same with another value; a phase is checked by its recipe."""
    changed = replace(whole, **{name: value})
    if isinstance(changed, weakseg.Phase):
        replace(RECIPE, phases=(changed,))


@dataclass(frozen=True)
class Pen:
    """Something to draw with."""

    width_px: float = 3.0
    """Breadth of a line,
    in pixels."""
    colours: list[str] = field(default_factory=list)
    made: str = field(default="here", init=False)
    """Nobody can say it."""
    _spare: int = 0
    """Nobody should say it."""

    def draw(self):
        """What a method says is no setting's."""


@dataclass(frozen=True)
class Brush(Pen):
    """Another thing to draw with."""

    hairs: int = 100
    """How many."""


@dataclass(frozen=True)
class Bare:
    """Nothing to set."""


def test_help_shows_each_setting_with_its_type_its_default_and_its_text():
    """In the order and the lines in which they are written, below what the class is."""
    expected = """Stage A then stage B: solve for the hidden segmentation, then measure how far the network is from it.

Settings:
    solver: Solver
"""
    assert expected in shown(weakseg.Fit)
    expected = """
    update_targets_every: int | None = None
        Epochs, 1 or more, between updates of the targets, found for whole images and stored in the run folder;
        the first update comes before the phase. `None`: each step solves for the views that it sees.
"""
    assert expected in shown(weakseg.Phase)


def test_only_what_a_caller_gives_is_a_setting():
    """Neither what a class fills in itself, nor what is private, nor what its base class explains already."""
    pen = "\n    width_px: float = 3.0\n        Breadth of a line,\n        in pixels.\n    colours: list[str] = list()"
    assert documented(Pen).__doc__ == f"Something to draw with.\n\nSettings:{pen}"
    expected = "Another thing to draw with.\n\nSettings:\n    hairs: int = 100\n        How many."
    assert documented(Brush).__doc__ == expected
    assert documented(Bare).__doc__ == "Nothing to set."


def test_what_is_listed_once_stays_as_it_is():
    """A name is fetched many times."""
    once = documented(Pen).__doc__
    assert documented(documented(Pen)).__doc__ == once


def test_the_source_is_read_when_somebody_looks_and_not_before(monkeypatch):
    """Fetching a name costs nothing; without a source, as in a frozen program, there is what the class says itself."""
    asked = []

    def missing(kind):
        asked.append(kind)
        raise OSError("could not get source code")

    @dataclass(frozen=True)
    class Ink:
        """What flows."""

        colour: str = "black"
        """Its name."""

    monkeypatch.setattr(inspect, "getsource", missing)
    documented(Ink)
    assert asked == []
    assert Ink.__doc__ == "What flows."
    assert asked == [Ink]
