"""A table of runs fills itself, keeps what is done, and never mistakes one recipe's run for another's."""

import fcntl

import pytest

_TABLE = """
from images import tiny_recipe
from weakseg import Phase, Fit, SeedsOnly
from weakseg.experiments.table import Row, Table

table = Table(rows=(
    Row("short", tiny_recipe(phases=(Phase(Fit(SeedsOnly()), 1),)), seeds=(0, 1)),
    Row("long", tiny_recipe(phases=(Phase(Fit(SeedsOnly()), {epochs}),)), seeds=(0,)),
))
"""


@pytest.fixture
def table(tmp_path):
    """A table of three cells."""
    (tmp_path / "tiny.py").write_text(_TABLE.format(epochs=2))
    return tmp_path / "tiny.py"


def _weights(folder):
    return {path: path.read_bytes() for path in folder.rglob("last.safetensors")}


def test_a_table_is_filled_once_and_printed_again(weakseg, table, tmp_path):
    """Three cells are trained, mean and spread are printed, and a second call trains nothing."""
    first = weakseg("experiments", table, "--out", tmp_path / "runs")
    before = _weights(tmp_path / "runs")
    again = weakseg("experiments", table, "--out", tmp_path / "runs")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert len(before) == 3
    assert _weights(tmp_path / "runs") == before
    assert "| short | 100.00% |" in again.out
    assert "±" in again.out
    assert "2/2" in again.out


def test_a_crf_behind_each_run_makes_two_more_columns(weakseg, table, tmp_path):
    """Untuned and tuned, tuned once a row, and computed once."""
    known = "training=Scenes(4, 0, (48, 64)), validation=Scenes(2, 1, (48, 64)), network=UNet(width=8), "
    text = table.read_text().replace("tiny_recipe(", f"tiny_recipe({known}")
    table.write_text(text.replace("import Phase", "import Scenes, UNet, Phase"))
    first = weakseg("experiments", table, "--out", tmp_path / "runs", "--crf")
    tuned = sorted(path.parent.name for path in (tmp_path / "runs").rglob("crf.json"))
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("crf_scores.json")}
    again = weakseg("experiments", table, "--out", tmp_path / "runs", "--crf", "--show")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert "| mean_iou | untuned CRF | tuned CRF | seeds |" in again.out
    assert tuned == ["long-seed0", "short-seed0"]
    assert len(kept) == 3
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    assert again.out.strip() in first.out
    next(iter(kept)).write_text("{")
    mended = weakseg("experiments", table, "--out", tmp_path / "runs", "--crf", "--show")
    assert mended.out == again.out, "what is damaged is computed again"


def test_show_trains_nothing(weakseg, table, tmp_path):
    """Empty cells are printed as such."""
    said = weakseg("experiments", table, "--out", tmp_path / "runs", "--show")

    assert said.code == 0
    assert "0/2" in said.out
    lines = said.out.splitlines()
    assert len(lines) == 4, "nothing but the table, which may be sent to a file"
    assert all(line.startswith("| ") or line.startswith("|-") for line in lines)
    assert len(lines[0]) <= 60
    assert not _weights(tmp_path / "runs")


def test_a_row_that_changed_is_not_shown_with_its_old_result(weakseg, table, tmp_path):
    """The folder with the old recipe's run is named, and stays."""
    weakseg("experiments", table, "--out", tmp_path / "runs")
    before = _weights(tmp_path / "runs")
    table.write_text(_TABLE.format(epochs=3))

    said = weakseg("experiments", table, "--out", tmp_path / "runs")

    assert said.code == 2
    assert "long-seed0" in said.err
    assert _weights(tmp_path / "runs") == before


def test_a_cell_another_worker_is_at_is_passed_over(weakseg, table, tmp_path):
    """Two workers never train the same cell."""
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    with open(tmp_path / "runs" / "tiny" / ".long-seed0.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = weakseg("experiments", table, "--out", tmp_path / "runs")

    assert said.code == 0
    assert sorted(path.parent.name for path in _weights(tmp_path / "runs")) == ["short-seed0", "short-seed1"]
