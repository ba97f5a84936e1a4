"""The public names, pinned: removing or adding one is a decision that shows in `public_names.txt`."""

from pathlib import Path

import pytest

import weakseg

NAMES = Path(__file__).with_name("public_names.txt").read_text().split()


def test_public_names_are_those_in_the_inventory():
    """A name that goes missing breaks somebody's recipe."""
    assert weakseg.__all__ == NAMES
    assert sorted(NAMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_public_name_can_be_imported_and_is_documented(name):
    """Each has a docstring of its own; the one a dataclass makes up does not count."""
    documented = getattr(weakseg, name).__doc__
    assert documented
    assert not documented.startswith(f"{name}(")


def test_unknown_name_is_an_attribute_error_that_names_it():
    """Typing errors look like those of any other module."""
    with pytest.raises(AttributeError, match="'weakseg' has no attribute 'Folders'"):
        weakseg.Folders  # noqa: B018
