"""`help(weakseg.NAME)` says of each setting what it means."""

import inspect
import pydoc
from dataclasses import dataclass, field

import weakseg
from weakseg.field_docs import documented


def shown(thing: object) -> str:
    """What `help` prints, without its margin."""
    lines = pydoc.plain(pydoc.render_doc(thing)).splitlines()
    return "\n".join(line.removeprefix(" |  ").rstrip() for line in lines)


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
    every_epochs: int | None = None
        How often training finds the hidden segmentation anew, for whole pictures, to remember it in between; `None`
        finds it at every step, for the view of that step.

"""
    assert expected in shown(weakseg.Fit)


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
