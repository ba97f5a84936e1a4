"""What scripts want of commands: a version, silence, one object of JSON, plain lines of progress."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

import weakseg as package
from weakseg.console import duration
from weakseg.console import progress_bar as bar


def test_the_version_is_said(weakseg):
    """And nothing else."""
    assert weakseg("--version").out == f"weakseg {package.__version__}\n"


@pytest.mark.parametrize("where", [0, 1, 2])
def test_quiet_prints_nothing_but_errors(weakseg, hearts, where):
    """Before and behind the command's own words; the exit code says the rest."""
    words = ["check", hearts]
    words.insert(where, "--quiet")
    said = weakseg(*words)
    assert (said.code, said.out, said.err) == (0, "", "")

    said = weakseg("--quiet", "check", "nowhere")
    assert said.code == 2
    assert "nowhere" in said.err


def test_findings_as_json(weakseg, hearts):
    """Each with its file, and what to do."""
    assert json.loads(weakseg("check", hearts, "--json").out)["refused"] is False
    (hearts / "masks" / "slice03.png").write_bytes(b"no image")

    said = weakseg("check", hearts, "--json")

    assert said.code == 1
    told = json.loads(said.out)
    assert told["refused"] is True
    assert told["classes"] == ["background", "heart"]
    (wrong,) = (finding for finding in told["findings"] if not finding["remark"])
    assert wrong["file"].endswith("slice03.png")
    assert wrong["fix"]


def test_a_cut_as_json(weakseg, tmp_path):
    """Energy and bound as numbers."""
    image = np.repeat([[30] * 20 + [220] * 20], 30, axis=0).astype(np.uint8)
    drawn = np.full(image.shape, 255, np.uint8)
    drawn[10, 3:6], drawn[10, 30:34] = 0, 1
    for name, pixels in (("a.png", image), ("s.png", drawn)):
        Image.fromarray(pixels).save(tmp_path / name)
    said = weakseg(
        "solve", tmp_path / "a.png", "--scribbles", tmp_path / "s.png", "--out", tmp_path / "m.png", "--json"
    )
    told = json.loads(said.out)
    assert told["labels"] == [0, 1]
    assert told["bound"] <= told["energy"] + 1e-6


def test_progress_away_from_a_terminal_is_plain_lines(monkeypatch, capsys):
    """One every few seconds with the time that is left, and none for what is done at once."""
    clock = iter([0.0, 1.0, 11.0, 12.0, 22.0])
    monkeypatch.setattr(bar.time, "monotonic", lambda: next(clock))
    with bar.bar("looking") as told:
        for done in range(1, 5):
            told(done, 8)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["looking: 2 of 8, about 33 s left", "looking: 4 of 8, about 22 s left"]
    assert captured.out == ""
    assert not sys.stderr.isatty()


def test_one_thing_is_no_things():
    """In every line that counts."""
    assert [duration.counted(n, "mask") for n in (0, 1, 2)] == ["0 masks", "1 mask", "2 masks"]
