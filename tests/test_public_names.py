"""The public names, pinned: removing or adding one is a decision that shows in `public_names.txt`."""

from importlib import import_module
from pathlib import Path

import pytest

import weakseg
from weakseg.homes import DOORS, HOMES

NAMES = Path(__file__).with_name("public_names.txt").read_text().split()
ALIASES = {"weakseg.typing.Objective"}
"""Types that are written out, and have no docstring."""


def test_public_names_are_those_in_the_inventory():
    """A name that goes missing breaks recipes; `make names` writes the inventory."""
    spaces = {door: import_module(f"weakseg.{door}".rstrip(".")) for door in DOORS}
    assert [
        f"weakseg.{door}.{name}".replace("..", ".") for door in sorted(DOORS) for name in spaces[door].__all__
    ] == NAMES


def test_each_name_has_one_namespace():
    """So that records can name a part without saying where it is imported from."""
    assert sum(len(names) for names in DOORS.values()) == len(HOMES)


@pytest.mark.parametrize("name", NAMES)
def test_public_name_can_be_imported_and_is_documented(name):
    """Each has a docstring of its own; the one a dataclass makes up does not count."""
    door, _, last = name.rpartition(".")
    documented = name in ALIASES or getattr(import_module(door), last).__doc__
    assert documented
    assert name in ALIASES or not documented.startswith(f"{last}(")


@pytest.mark.parametrize("name", [name for names in DOORS.values() for name in names])
def test_every_name_can_be_had_from_the_package_itself(name):
    """As recipes of before there were namespaces have it."""
    assert getattr(weakseg, name) is not None


def test_namespaces_are_there_without_an_import_of_their_own():
    """`import weakseg` is enough for `weakseg.energies.GatedCRF`."""
    assert {weakseg.energies.GatedCRF.__name__, weakseg.networks.UNet.__name__} == {"GatedCRF", "UNet"}
    assert {*DOORS} - {""} <= {*dir(weakseg)}


@pytest.mark.parametrize("door", DOORS)
def test_unknown_name_is_an_attribute_error_that_names_it(door):
    """Typing errors look like those of any other module."""
    place = f"weakseg.{door}".rstrip(".")
    with pytest.raises(AttributeError, match=f"module '{place}' has no attribute 'Folders'"):
        import_module(place).Folders  # noqa: B018
