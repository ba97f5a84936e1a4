"""Narrow terminals: sentences are broken between words, and a number stays beside what it is of."""

import re

import pytest

COLUMNS = (44, 60, 75)


@pytest.fixture
def trained(weakseg, hearts, tmp_path, monkeypatch):
    """A folder trained for an epoch, and what was said on a terminal of sixty columns."""
    with monkeypatch.context() as there:
        there.setenv("COLUMNS", "60")
        there.setenv("FORCE_COLOR", "1")
        said = weakseg("train", hearts, "--network", "unet", "--epochs", 1, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    return tmp_path / "run", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.out)


def test_sentences_and_scores_are_broken_at_words(weakseg, trained, monkeypatch):
    """That of the method, and the scores near boundaries."""
    run, said = trained
    lines = said.splitlines()
    (first,) = (index for index, line in enumerate(lines) if line.startswith("method "))
    (last,) = (index for index, line in enumerate(lines) if line.endswith("--method"))
    assert max(map(len, lines[first : last + 1])) <= 60
    assert "choose another with --method" in " ".join(line.strip() for line in lines[first : last + 1])

    for columns in COLUMNS:
        monkeypatch.setenv("COLUMNS", str(columns))
        near = weakseg("evaluate", run).out.partition("mIoU near")[2].splitlines()
        assert max(map(len, near[1:])) <= columns
        for line in near:
            assert len(re.findall(r"\d+\spx", line)) == len(re.findall(r"\spx\s(?:0\.\d{3}|1\.000|nan)", line)), near
