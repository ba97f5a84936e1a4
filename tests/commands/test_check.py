"""`weakseg check` as a person meets it."""

import time
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from weakseg.commands.check import MOST_ALIKE, show_findings, show_statistics
from weakseg.data.check.check import check
from weakseg.data.inventory.statistics import Statistics, total
from weakseg.types import Classes


def test_sound_data_is_counted_and_passed(weakseg, hearts):
    """Counts by class and split, the labelled share, the imbalance; exit code 0."""
    said = weakseg("check", hearts)

    assert said.code == 0
    for word in ("scribbles", "masks", "heart", "train", "val", "8 images", "of the valid pixels labelled", "smallest"):
        assert word in said.out
    # 164 pixels of 64 x 64, eight times: 116 of background and 48 of the heart.
    assert "4 % of the valid pixels labelled" in said.out
    assert "largest class / smallest class 2.42" in said.out
    assert "No problems were found" in said.out


def test_every_finding_is_printed_with_what_to_do(weakseg, hearts):
    """File, found, expected and fix of each; exit code 1, and no traceback."""
    (hearts / "images" / "slice02.png").write_bytes(b"\x89PNG")
    (hearts / "tags.csv").write_text("image,present,absent\nslice01,haert,\n")

    said = weakseg("check", hearts)

    assert said.code == 1
    for words in (
        f"{hearts / 'images' / 'slice02.png'}\n  cannot be read",
        "to do: export",
        f"{hearts / 'tags.csv'}\n  line 2: unknown class 'haert'\n  expected: one of background, heart",
        "to do: write 'heart'",
        "2 findings",
    ):
        assert words in said.out
    assert "Traceback" not in said.out + said.err


def test_tables_are_counted_as_well(weakseg, hearts):
    """Tags, boxes, sizes and clicks by class."""
    (hearts / "tags.csv").write_text("image,present,absent\nslice00,heart,\nslice01,heart,\n")
    (hearts / "clicks.csv").write_text("image,class,x,y\nslice00,background,0,0\n")

    said = weakseg("check", hearts)

    assert said.code == 0
    assert "tables" in said.out
    assert "tagged" in said.out
    assert "boxes" not in said.out


@pytest.mark.parametrize("broken", [False, True])
def test_the_page_shows_labels_and_findings(weakseg, hearts, tmp_path, broken):
    """Written whether the data is sound or not, also where no image can be read."""
    if broken:
        (hearts / "classes.txt").unlink()

    said = weakseg("check", hearts, "--html", tmp_path / "page.html")

    assert said.code == int(broken), said.err
    text = (tmp_path / "page.html").read_text()
    assert ("classes.txt" in text) == broken
    assert ("data:image" in text) == (not broken)


def test_a_file_that_is_no_page_is_not_overwritten(weakseg, hearts):
    """Told before anything is read; exit code 2, not 1, because it is no finding."""
    said = weakseg("check", hearts, "--html", hearts / "classes.txt")

    assert said.code == 2
    assert "classes.txt" in said.err
    assert (hearts / "classes.txt").read_text() == "background\nheart\n"


def test_names_with_brackets_are_printed_as_they_are(weakseg, hearts):
    """Nothing in a file's name is taken for markup."""
    (hearts / "scribbles" / "[red]ghost.png").write_bytes(b"")

    assert "[red]ghost.png" in weakseg("check", hearts).out


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_shows_few_of_many_alike(hearts, capsys, terminal):
    """A thousand findings of one kind must not hide the only one of another; a file or a pipe gets all."""
    for scribbles in (hearts / "scribbles").iterdir():
        scribbles.write_bytes(b"")
    (hearts / "splits" / "val.txt").write_text("slice99")

    show_findings(check(str(hearts)), Console(force_terminal=terminal, soft_wrap=True, highlight=False))

    out = capsys.readouterr().out
    assert out.count("cannot be read") == (MOST_ALIKE if terminal else 12)
    assert ("and 8 more like these" in out) == terminal
    assert ("weakseg check DATA > FILE" in out) == terminal
    assert "no image 'slice99'" in out
    assert "13 findings" in out


def test_twenty_thousand_classes_take_no_time_and_no_thousands_of_rows(weakseg, hearts):
    """The time grows with the classes, and not with their square; a row for each class that a label tells of."""
    (hearts / "classes.txt").write_text("".join(f"c{index}\n" for index in range(20_000)))
    # Of so many classes one has the value 255, which means void by default.
    (hearts / "dataset.toml").write_text("void = 65535\n")
    (hearts / "tags.csv").write_text("image,present,absent\nslice00,c19999,c5;c6\n")
    started = time.process_time()

    said = weakseg("check", hearts)

    # Seconds of a slow and busy machine; a comparison of every name with every other takes minutes.
    assert time.process_time() - started < 20
    rows = [line.split()[0] for line in said.out.splitlines() if line.startswith("  c")]
    assert rows[:2] == ["class", "c0"]
    assert "c19999" in rows
    assert len(rows) < 20
    assert "and 19,998 more classes, 19,998 of them without a label" in said.out


def test_more_classes_than_label_maps_can_hold_are_a_finding(weakseg, hearts):
    """A list of images or objects, most likely."""
    (hearts / "classes.txt").write_text("".join(f"c{index}\n" for index in range(65_537)))

    said = weakseg("check", hearts)

    assert said.code == 1
    assert "65,537 classes" in said.out
    assert "65,536" in said.out


@pytest.mark.parametrize("width", [60, 80])
def test_no_number_is_cut_on_a_narrow_terminal(width):
    """Where the splits do not fit beside each other they stand below each other, and long names take two lines."""
    classes = Classes(("background", "a class whose name is rather long for a table", "c"), background=0)
    marks = np.array([123_456, 7_890, 12])
    one = np.array([210, 110, 7])
    nothing = np.zeros(3, int)
    counts = replace(
        total([], classes), images=210, marked_pixels=marks, marked_images=one, tagged_images=one, boxes=nothing
    )
    file = StringIO()
    by_split = {"train": counts, "val": counts, "test": counts}
    console = Console(file=file, width=width, soft_wrap=True, highlight=False)
    show_statistics(Statistics(classes, {"masks": by_split, "tables": by_split}), console)
    said = file.getvalue()
    assert "…" not in said
    assert said.count("123k") == 6
    for split in by_split:
        assert said.count(f"{split}: 210 ") == 2
