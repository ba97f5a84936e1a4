"""Line charts as geometry, which `chart.html` draws.

Numbers go in, and positions in an SVG drawing come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT = 440, 250
"""Size of the drawing in SVG units, about pixels."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 52, 12, 40
_LABEL_PITCH = 13
_MOST_STEPS = 5


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    name: str
    color: int
    """Index of a line colour of the page."""
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A line with its positions in the drawing."""

    name: str
    color: int
    points: tuple[tuple[float, float, str], ...]
    """Each point as (x, y, its value as text)."""
    label_y: float
    """Vertical position of the last value's label."""

    @property
    def path(self) -> str:
        """The SVG path through all points."""
        return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y, _ in self.points)


@dataclass(frozen=True)
class Chart:
    """A chart, laid out."""

    title: str
    x_name: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


def chart(title: str, x_name: str, series: Sequence[Series]) -> Chart:
    """Lay out a chart of several lines.

    They share an x axis, and a y axis that starts at 0; series without points are left out.
    """
    series = [line for line in series if line.points]
    first, last = _range([x for line in series for x, _ in line.points])
    highest = _range([y for line in series for _, y in line.points])[1]
    y_ticks = ticks(0.0, highest if highest > 1e-9 else 1.0)
    x_ticks = [x for x in ticks(first, last, whole=True) if first <= x <= last]
    across = lambda x: _LEFT + (x - first) / max(last - first, 1e-9) * (WIDTH - _LEFT - _RIGHT)  # noqa: E731
    up = lambda y: HEIGHT - _BOTTOM - y / y_ticks[-1] * (HEIGHT - _TOP - _BOTTOM)  # noqa: E731
    placed = [tuple((across(x), up(y), short(y)) for x, y in line.points) for line in series]
    heights = _apart([points[-1][1] for points in placed])
    return Chart(
        title=title,
        x_name=x_name,
        x_ticks=tuple((across(x), f"{x:g}") for x in x_ticks),
        y_ticks=tuple((up(y), short(y)) for y in y_ticks),
        lines=tuple(Line(s.name, s.color, p, y) for s, p, y in zip(series, placed, heights, strict=True)),
    )


def ticks(low: float, high: float, whole: bool = False) -> list[float]:
    """Round numbers that enclose a range.

    They are one, two or five times a power of ten apart, and reach from at most `low` to at least `high`.
    """
    span = max(high - low, 1e-12)
    power = 10 ** floor(log10(span / _MOST_STEPS))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= _MOST_STEPS)
    step = max(1, round(step)) if whole else step
    return [float(round(i * step, 12)) for i in range(floor(low / step), ceil(high / step - 1e-9) + 1)]


def short(value: float) -> str:
    """A number in about five characters.

    For example 0.713, 12.3 or 1.5e-4.
    """
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:.3g}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def _range(values: list[float]) -> tuple[float, float]:
    return min(values, default=0.0), max(values, default=1.0)


def _apart(heights: list[float]) -> list[float]:
    """Vertical positions of labels, moved down until none overlap."""
    moved, last = dict.fromkeys(range(len(heights)), 0.0), float("-inf")
    for index in sorted(moved, key=lambda i: heights[i]):
        last = moved[index] = max(heights[index], last + _LABEL_PITCH)
    return list(moved.values())
