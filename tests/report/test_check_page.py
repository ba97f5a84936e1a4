"""Pages about data: what a check found, and what a simulation drew."""

from pathlib import Path

import pytest
from images import Squares

from weakseg.data.inventory.statistics import Statistics, count, total
from weakseg.data.simulate.annotators import Boxes, Scribbles, Simulated
from weakseg.errors import DataInvalid
from weakseg.finding import Finding
from weakseg.report.check_page import MOST_SOUND, write_check_page
from weakseg.report.simulation_page import write_simulation_page

SAMPLES = Squares(20)
COUNTS = total([count(SAMPLES[i], SAMPLES.classes) for i in range(20)], SAMPLES.classes)
STATISTICS = Statistics(SAMPLES.classes, {"masks": {"train": COUNTS}})
WRONG = Finding(Path("tags.csv"), "line 3: <unknown class>", "one of a, b", "correct it", keys=("squares7",))
REMARK = Finding(Path("splits"), "there is no val.txt", "", "add one", remark=True)


def page(tmp_path, *findings):
    """The text of a page with these findings."""
    out = tmp_path / "check.html"
    write_check_page(SAMPLES, findings, STATISTICS, out, "my data")
    return out.read_text(encoding="utf-8")


def test_every_finding_is_told_in_full(tmp_path):
    """The file, what was found, what was expected, what to do; remarks apart; names are only text."""
    text = page(tmp_path, WRONG, REMARK)
    for part in ("To fix before training: 1", "tags.csv", "&lt;unknown class&gt;", "one of a, b", "correct it"):
        assert part in text
    assert "Remarks: 1" in text
    assert "<unknown" not in text


def test_images_with_findings_come_first(tmp_path):
    """Then some of the others; what is wrong stands beside the image."""
    text = page(tmp_path, WRONG)
    titles = [part.split("<")[0] for part in text.split("<h4>")[1:]]
    assert titles[0] == "squares7"
    assert len(titles) == 1 + MOST_SOUND
    assert text.count("line 3: &lt;unknown class&gt;") == 2


def test_good_data_is_told_so(tmp_path):
    """Remarks are no reason to refuse."""
    assert "No problems found" in page(tmp_path, REMARK)


def test_counts_of_every_source_are_shown(tmp_path):
    """Per class: images, share of pixels."""
    text = page(tmp_path)
    assert "masks, train" in text
    assert "20 images" in text


def test_other_files_stay(tmp_path):
    """A file of the user's is never replaced."""
    (tmp_path / "check.html").write_text("mine")
    with pytest.raises(DataInvalid, match="not a page of weakseg"):
        page(tmp_path)


def test_simulated_labels_are_drawn_and_counted(tmp_path):
    """The page says how they were simulated."""
    samples = Simulated(SAMPLES, (Scribbles(0.5), Boxes()))
    write_simulation_page(samples, tmp_path / "page.html", "scribbles and boxes")
    text = (tmp_path / "page.html").read_text()
    assert "Scribbles(length=0.5" in text
    assert text.count("<figcaption>weak labels</figcaption>") == 20
    assert ">boxes</th>" in text
