"""Scores kept beside a run's weights."""

import json

import pytest
from finished_run import FinishedRun
from images import Squares, tiny_recipe

from weakseg.errors import RunInvalid
from weakseg.evaluation.scores import WIDTHS_PX, Scores
from weakseg.runs.scores import evaluate_run, evaluation


def test_scores_are_written_once_and_read_again(tmp_path):
    """A second evaluation looks at no image."""
    run = FinishedRun(tmp_path / "run")
    told = []
    first = evaluation(run, progress=lambda done, total: told.append(done))
    again = evaluation(run, progress=lambda done, total: pytest.fail("evaluated again"))
    assert told == [1, 2, 3, 4]
    assert first.summary == again.summary
    assert first.mean_iou() > 0.9
    assert set(first.trimap) == set(WIDTHS_PX)


def test_the_file_is_plain_json_with_a_summary(tmp_path):
    """Other programs read it without weakseg."""
    run = FinishedRun(tmp_path / "run")
    scores = evaluation(run)
    said = json.loads((run.path / "evaluation.json").read_text())
    assert said["summary"] == scores.summary
    assert Scores.from_json(said).summary == scores.summary


@pytest.mark.parametrize(
    "change",
    [
        lambda run: FinishedRun(run.path, level=0.05),
        lambda run: FinishedRun(run.path, recipe=tiny_recipe(validation=Squares(3)), level=0.05),
        lambda run: (run.path / "evaluation.json").write_text("{ damaged") and FinishedRun(run.path, level=0.05),
    ],
    ids=["other weights", "other images", "damaged file"],
)
def test_stale_scores_are_not_believed(tmp_path, change):
    """Scores belong to the weights and images they were made with."""
    run = FinishedRun(tmp_path / "run")
    kept = evaluation(run)
    assert evaluation(change(run)).mean_iou() < kept.mean_iou()


def test_the_last_network_s_scores_are_not_kept(tmp_path):
    """`evaluation.json` is always about the best."""
    run = FinishedRun(tmp_path / "run")
    (run.path / "last.safetensors").write_text("last")
    evaluate_run(run, which="last")
    assert not (run.path / "evaluation.json").exists()


def test_a_run_without_weights_says_so(tmp_path):
    """A run that was stopped before its first checkpoint has no scores."""
    run = FinishedRun(tmp_path / "run")
    (run.path / "best.safetensors").unlink()
    with pytest.raises(RunInvalid, match="best.safetensors is missing"):
        evaluation(run)


@pytest.mark.parametrize("validation", [None, "my.Images()", Squares(0)], ids=["none", "foreign", "empty"])
def test_images_that_cannot_be_had_are_an_error(tmp_path, validation):
    """No validation set, one only the user's code can make, or one without images."""
    run = FinishedRun(tmp_path / "run", recipe=tiny_recipe())
    object.__setattr__(run.recipe, "validation", validation)
    with pytest.raises(RunInvalid, match="validation images"):
        evaluation(run)
