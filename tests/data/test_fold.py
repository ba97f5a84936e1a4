"""Parts that share no group and are everything together."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakseg.data.fold import Fold
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.types import Classes

PIXEL = Sample(
    key="",
    image=np.zeros((1, 1, 1), np.float32),
    seeds=np.zeros((1, 1), int),
    valid=np.ones((1, 1), bool),
    strokes=(),
    tags=np.array([1]),
    areas=np.array([[0.0, 1.0]]),
    boxes=np.zeros((0, 5)),
    truth=None,
)


@dataclass(frozen=True)
class Named:
    """A data set of names; its images are single pixels."""

    keys: tuple[str, ...]
    classes: Classes = Classes(("a",))

    def __len__(self):
        return len(self.keys)

    def __getitem__(self, index):
        return replace(PIXEL, key=self.keys[index])


SLICES = Named(tuple(f"patient{p:02}_slice{s}" for p in (7, 3, 11, 5, 2, 19, 1) for s in range(3)))


@given(st.integers(2, 7), st.data())
def test_a_part_and_the_rest_are_disjoint_and_everything(of, data):
    """In the order of the whole, and by whole patients."""
    part = data.draw(st.integers(0, of - 1))
    held_out, rest = (Fold(SLICES, held, part, of, r"patient\d+") for held in (True, False))

    assert sorted(held_out.keys + rest.keys) == sorted(SLICES.keys)
    patients = [{re.match(r"patient\d+", key)[0] for key in fold.keys} for fold in (held_out, rest)]  # pyright: ignore
    assert not patients[0] & patients[1]
    assert list(rest.keys) == [key for key in SLICES.keys if key in rest.keys]


@given(st.integers(2, 7))
def test_every_group_is_held_out_once(of):
    """And the parts differ by one group at most."""
    parts = [Fold(SLICES, True, part, of, r"patient\d+") for part in range(of)]

    assert sorted(key for part in parts for key in part.keys) == sorted(SLICES.keys)
    sizes = [len(part) // 3 for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_the_cut_does_not_depend_on_the_order_of_the_keys():
    """The same patients are held out however the split file is sorted."""
    turned = Named(SLICES.keys[::-1])

    assert set(Fold(turned, True, group=r"patient\d+").keys) == set(Fold(SLICES, True, group=r"patient\d+").keys)


def test_samples_are_those_of_the_keys():
    """The index counts within the part."""
    fold = Fold(SLICES, False, group=r"patient\d+")

    assert tuple(fold[index].key for index in range(len(fold))) == fold.keys
    assert fold[-1].key == fold.keys[-1]
    with pytest.raises(IndexError):
        fold[len(fold)]
    assert fold.classes is SLICES.classes


def test_without_a_group_every_image_stands_alone():
    """A fifth of the images."""
    assert len(Fold(SLICES, True)) == 5


@pytest.mark.parametrize(("part", "of"), [(5, 5), (-1, 5), (0, 1)])
def test_impossible_parts_are_refused_at_once(part, of):
    """Before any file is looked at."""
    with pytest.raises(RecipeInvalid, match="part"):
        Fold(SLICES, True, part, of)


def test_more_parts_than_groups_are_refused():
    """An empty part would train or tune on nothing."""
    with pytest.raises(RecipeInvalid, match="7 groups for 8 parts"):
        len(Fold(SLICES, True, of=8, group=r"patient\d+"))


def test_a_key_without_a_group_is_named():
    """Rather than put in a group of its own, where it might leak."""
    with pytest.raises(DataInvalid, match="'other' belongs to no group"):
        len(Fold(Named((*SLICES.keys, "other")), True, group=r"patient\d+"))
    with pytest.raises(RecipeInvalid, match="not a regular expression"):
        Fold(SLICES, True, group="(")
