"""Marks on a page lie where they were drawn, in the colour of their class."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from weakseg.annotations.matched import Matched
from weakseg.data.check.check import check
from weakseg.data.folder.annotated import Annotated
from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.legend import Legend
from weakseg.marks.mark import Annotations, ImageMarks, Mark
from weakseg.marks.shapes import Box, Ellipse, Line, Mask, Plain, Point, Polygon
from weakseg.report.check_page import write_check_page
from weakseg.report.marks_drawn import MOST, marks_of
from weakseg.types import Classes

LEGEND = Legend(("sky", "dog"), (0, 1), Classes(("sky", "dog")), Declaration(names=(("ruler", "ignore"),)))
RING = np.array([(1, 1), (1, 4.5), (4, 4), (4, 1)], float)


def overlay(*marks, size=(40, 50)):
    """The marks of one image, drawn."""
    image = ImageMarks("a.png", size, marks)
    found = Matched({"a": image}, {"a": size}, (), Annotations((image,)))
    drawn = marks_of("a", Annotated(Path("a.json"), found, LEGEND))
    assert drawn is not None
    return drawn


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        (Point(2.5, 3), "M3 2.5h0"),
        (Line(RING[:2]), "M1 1 4.5 1"),
        (Polygon(((RING, RING / 2),)), "M1 1 4.5 1 4 4 1 4ZM0.5 0.5 2.25 0.5 2 2 0.5 2Z"),
        (Box(1, 2, 3, 6), "M2 1 6 1 6 3 2 3Z"),
        (Box(0, 0, 4, 4, 90), "M4 0 4 4 0 4 0 0Z"),
        (Ellipse(10, 20, 2, 5), "M15 10A5 2 0 1 0 25 10A5 2 0 1 0 15 10Z"),
    ],
    ids=["point", "line", "polygon", "box", "turned", "ellipse"],
)
def test_outlines_are_in_edge_coordinates(shape, path):
    """x before y, as SVG has it; rings after the first are holes."""
    (mark,) = overlay(Mark("dog", shape)).marks

    assert mark.path == path
    assert mark.color == "rgb(128 0 0)"


def test_painted_pixels_are_an_image_of_their_own():
    """It covers the mask, and is transparent beside it."""
    (mark,) = overlay(Mark("dog", Mask(3, 4, 2, 2, Plain(np.eye(2, dtype=bool))))).marks

    assert mark.place == (4, 3, 2, 2)
    assert mark.pixels.startswith("data:image/png;base64,")


def test_what_is_not_used_looks_different():
    """Its title says why."""
    ruler, far = overlay(Mark("ruler", Line(RING)), Mark("dog", Point(99, 1))).marks

    assert not ruler.used
    assert "no class" in ruler.title
    assert not far.used
    assert "left out" in far.title


def test_long_curves_and_many_marks_do_not_swell_a_page():
    """Vertices that no one could tell apart are left out; of thousands of marks the rest is counted."""
    angle = np.linspace(0, 6, 100_000)
    ring = np.stack([np.sin(angle), np.cos(angle)], 1) * 100 + 150
    (mark,) = overlay(Mark("dog", Polygon(((ring,),))), size=(300, 300)).marks

    assert len(mark.path) < 100_000
    assert overlay(*[Mark("dog", Point(1, 1))] * (MOST + 7)).rest == 7


def test_the_page_of_a_check_shows_marks_and_their_account(tmp_path):
    """By class and kind; names are only text, and nothing is fetched or run."""
    (tmp_path / "images").mkdir()
    for key in "ab":
        Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "images" / f"{key}.png")
    shape = '{"label": "%s", "shape_type": "%s", "points": [[1, 1], [9, 1], [9, 9]]}'
    shapes = ", ".join(shape % pair for pair in (("<b>dog", "polygon"), ("sky", "linestrip"), ("sky", "blob")))
    (tmp_path / "a.json").write_text(f'{{"shapes": [{shapes}], "imagePath": "a.png"}}')
    (tmp_path / "lost.json").write_text(f'{{"shapes": [{shape % ("sky", "polygon")}], "imagePath": "lost.png"}}')
    (tmp_path / "dataset.toml").write_text('annotations = ["a.json", "lost.json"]\nclasses = ["sky", "cat"]\n')
    checked, page = check(str(tmp_path)), tmp_path / "check.html"
    write_check_page(
        *(checked.samples, checked.findings, checked.statistics, page, "t", checked.account), checked.annotated
    )
    text = page.read_text()

    for part in ("&lt;b&gt;dog", "names that mean no class", "images without marks", "lost.png (1)", "kind 'blob'"):
        assert part in text or part.replace("'", "&#39;") in text
    assert "<b>dog" not in text
    assert re.search(r'<path class="pen" d="M1 1 9 1 9 9"', text)
    assert "<script" not in text
