"""Charts as geometry."""

import math

from hypothesis import given
from hypothesis import strategies as st

from weakseg.report.chart import Series, chart, short, ticks

numbers = st.floats(1e-6, 1e6)


@given(numbers, numbers)
def test_ticks_are_few_even_and_cover_the_range(low, span):
    """From at most the lowest value to at least the highest, one step apart."""
    found = ticks(low, low + span)
    steps = [b - a for a, b in zip(found, found[1:], strict=False)]
    assert found[0] <= low * (1 + 1e-9)
    assert found[-1] >= (low + span) * (1 - 1e-6)
    assert 2 <= len(found) <= 8
    assert max(steps) - min(steps) < 1e-6 * max(found)


def test_ticks_of_counts_are_whole():
    """There is no epoch 1.5."""
    assert ticks(1.0, 3.0, whole=True) == [1, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 100).map(float), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_points_lie_inside_the_drawing(points):
    """Higher values are drawn higher, later ones further right."""
    drawn = chart("", "", [Series("a", 0, sorted(points))])
    line = drawn.lines[0].points
    assert all(drawn.left - 1e-6 <= x <= drawn.right + 1e-6 and 0 <= y <= drawn.bottom + 1e-6 for x, y, _ in line)
    for (x0, y0), (x1, y1), a, b in zip(sorted(points), sorted(points)[1:], line, line[1:], strict=False):
        assert (x1 > x0) == (b[0] > a[0])
        assert b[1] <= a[1] if y1 >= y0 else b[1] >= a[1]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_labels_at_the_ends_never_cover_each_other(last):
    """However close two runs end."""
    heights = sorted(
        line.label_y for line in chart("", "", [Series("", i, [(0.0, y)]) for i, y in enumerate(last)]).lines
    )
    assert all(b - a >= 13 - 1e-6 for a, b in zip(heights, heights[1:], strict=False))


def test_series_without_points_are_left_out():
    """An unvalidated run has no validation curve; a chart of nothing is still a chart."""
    drawn = chart("", "", [Series("empty", 0, []), Series("full", 1, [(1.0, 0.5)])])
    assert [line.name for line in drawn.lines] == ["full"]
    assert chart("", "", []).lines == ()


def test_numbers_are_short_and_true():
    """Five characters or so, and the right power of ten."""
    assert [short(value) for value in (0.0, 0.7134, 12.34, 2e-4, 1.54e-5)] == ["0", "0.713", "12.3", "2e-4", "1.5e-5"]
    assert math.isclose(float(short(2.06e-10)), 2.06e-10, rel_tol=0.05)
