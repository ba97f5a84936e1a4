"""What the loop does at the ends of a phase."""

from pictures import tiny_recipe
from rich.console import Console

from weakseg import Fit, Phase, train_recipe
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train.run_folder import open_run


def test_a_phase_of_one_step_learns(tmp_path):
    """Its first step is its last, and has a learning rate above 0."""
    recipe = tiny_recipe(phases=(Phase(Fit(SeedsOnly()), epochs=1),), batch_size=12, validation=None)
    (line,) = train_recipe(recipe, tmp_path / "run", device="cpu").metrics
    assert line["step"] == 1
    assert line["learning_rate"] > 0


def test_a_training_stops_when_its_score_no_longer_rises(tmp_path):
    """After so many validations; resumed, nothing is left, and a run killed before the stop ends in the same bits."""
    recipe = tiny_recipe(phases=(Phase(Fit(SeedsOnly()), epochs=12, learning_rate=1e-9),), validate_every=1, patience=3)
    console = Console(record=True, width=100)
    run = train_recipe(recipe, tmp_path / "run", device="cpu", console=console)
    assert len(run.metrics) == 4
    assert "3 validations in a row without a higher mIoU" in console.export_text()

    console = Console(record=True, width=100)
    train_recipe(recipe, tmp_path / "run", device="cpu", resume=True, console=console)
    assert "it stopped after epoch 4" in console.export_text()
    assert len(open_run(tmp_path / "run").metrics) == 4


def test_a_network_that_predicts_one_class_leaves_metrics_that_can_be_read(tmp_path):
    """The class is named in the line of its epoch, and the run opens, resumes and is judged as any other."""
    recipe = tiny_recipe(phases=(Phase(Fit(SeedsOnly()), epochs=1, learning_rate=1e-12),), seed=3)
    run = train_recipe(recipe, tmp_path / "run", device="cpu")
    assert len(open_run(run.path).metrics) == 1
    assert {"loss", "mean_iou"} <= {*open_run(run.path).metrics[0]}
