"""Geometries in well-known binary."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maps import wkb

from weakseg.errors import DataInvalid
from weakseg.formats.geo.wkb import geometry_of

PAIR = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(list)
PAIRS = st.lists(PAIR, max_size=4)
GEOMETRIES = st.one_of(
    st.tuples(st.just("Point"), PAIR),
    st.tuples(st.sampled_from(["LineString", "MultiPoint"]), PAIRS),
    st.tuples(st.sampled_from(["Polygon", "MultiLineString"]), st.lists(PAIRS, max_size=3)),
    st.tuples(st.just("MultiPolygon"), st.lists(st.lists(PAIRS, max_size=3), max_size=3)),
)


@given(geometry=GEOMETRIES, order=st.sampled_from("<>"))
def test_geometries_come_back_from_binary(geometry, order):
    """In both orders of bytes; cut off anywhere, they are refused."""
    kind, coordinates = geometry
    content = wkb(kind, coordinates, order)
    assert geometry_of(content) == {"type": kind, "coordinates": coordinates}
    for end in range(len(content)):
        with pytest.raises(DataInvalid):
            geometry_of(content[:end])


@pytest.mark.parametrize("code", [1001, 2001, 3001, 0x80000001, 0x40000001, 0x20000001])
def test_more_axes_are_dropped(code):
    """z and m, as the standard and as PostGIS write them, and the number of the CRS."""
    axes = {1001: 3, 2001: 3, 3001: 4, 0x80000001: 3, 0x40000001: 3}.get(code, 2)
    number = struct.pack("<I", 4326) if code == 0x20000001 else b""
    content = struct.pack("<BI", 1, code) + number + struct.pack(f"<{axes}d", *range(1, axes + 1))
    assert geometry_of(content) == {"type": "Point", "coordinates": [1.0, 2.0]}


def test_counts_that_a_geometry_cannot_hold_are_refused():
    """Before anything is made of them; curves are refused by their number."""
    with pytest.raises(DataInvalid, match="cut off"):
        geometry_of(struct.pack("<BII", 1, 6, 2**32 - 1))
    with pytest.raises(DataInvalid, match="kind 10"):
        geometry_of(struct.pack("<BII", 1, 10, 0))
    with pytest.raises(DataInvalid, match="too deep"):
        geometry_of(struct.pack("<BII", 1, 7, 1) * 50)
