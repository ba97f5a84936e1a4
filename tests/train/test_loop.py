"""What the loop does at the ends of a phase."""

from pictures import tiny_recipe

from weakseg import Fit, Phase, train_recipe
from weakseg.solvers.seeds_only import SeedsOnly


def test_a_phase_of_one_step_learns(tmp_path):
    """Its first step is its last, and has a learning rate above 0."""
    recipe = tiny_recipe(phases=(Phase(Fit(SeedsOnly()), epochs=1),), batch_size=12, validation=None)
    (line,) = train_recipe(recipe, tmp_path / "run", device="cpu").metrics
    assert line["step"] == 1
    assert line["learning_rate"] > 0
