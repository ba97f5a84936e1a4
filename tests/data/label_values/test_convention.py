"""What the numbers in label maps mean, value by value."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from weakseg.data.label_values.convention import LEAST, MOST, UNDECLARED, Convention
from weakseg.types import UNLABELED

DECLARED = st.integers(-3, 9) | st.integers(LEAST, MOST)
IN_FILES = st.integers(-5, 12) | st.integers(-(2**31), 2**31 - 1)


@given(st.data())
def test_every_value_means_what_was_declared(data):
    """Also the largest and smallest of 32 bits."""
    values = data.draw(st.lists(DECLARED, min_size=1, max_size=5, unique=True))
    nothing = data.draw(st.lists(DECLARED, max_size=3))
    becomes = tuple(data.draw(st.integers(0, 4)) for _ in values)
    other = data.draw(st.none() | st.integers(0, len(values) - 1))
    raw = np.array(data.draw(st.lists(IN_FILES | st.sampled_from([*values, *nothing]), min_size=1, max_size=9)))

    found = Convention("masks", tuple(nothing), tuple(values), other).labels(raw.astype(np.int32)[None], becomes)

    def meaning(value: int) -> int:
        if value in nothing:
            return UNLABELED
        if value in values:
            return becomes[values.index(value)]
        return UNDECLARED if other is None or value <= 0 else becomes[other]

    assert found.tolist() == [[meaning(value) for value in raw.tolist()]]
