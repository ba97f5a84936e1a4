"""A CRF behind a trained network: asked for by --crf, tuned once, kept in the run."""

import json

import pytest

from weakseg import DenseCRF
from weakseg.train.run_folder import open_run


@pytest.fixture
def trained(weakseg, hearts, tmp_path):
    """A run of one epoch on the hearts."""
    said = weakseg("train", hearts, "--out", tmp_path / "run", "--network", "unet", "--epochs", 1, "--device", "cpu")
    assert said.code == 0, said.err
    return tmp_path / "run"


def test_a_tuned_crf_is_kept_and_used(weakseg, trained, hearts, tmp_path):
    """tune-crf says what it is worth; evaluate and predict take what it kept, and only when asked."""
    plain = json.loads(weakseg("evaluate", trained, "--json").out)
    assert open_run(trained).crf == DenseCRF()
    said = weakseg("tune-crf", trained, "--pictures", 3)
    assert said.code == 0, said.err
    assert "on 3 training pictures" in said.out
    assert "without CRF" in said.out
    assert repr(open_run(trained).crf) in said.out
    refined = json.loads(weakseg("evaluate", trained, "--crf", "--json").out)
    assert refined["crf"]["type"].endswith("DenseCRF")
    assert json.loads(weakseg("evaluate", trained, "--json").out)["crf"] is None
    assert refined["iou"] != plain["iou"]
    assert json.loads((trained / "evaluation.json").read_text())["summary"]["iou"] == plain["iou"]
    pictures = sorted((hearts / "images").iterdir())[:2]
    said = weakseg("predict", trained, *pictures, "--out", tmp_path / "masks", "--crf", "--probabilities")
    assert said.code == 0, said.err
    assert "refined by the CRF tuned for this run" in said.out
    assert len([*(tmp_path / "masks").glob("*.png")]) == 2


@pytest.mark.parametrize(("validation", "told"), [("val", "on 2 held-out"), ("held out", "on 3 training")])
def test_it_is_tuned_on_what_was_kept_aside_and_never_on_what_is_judged(weakseg, hearts, tmp_path, validation, told):
    """A recipe that keeps a part of train aside has it for this, unless it is validated there."""
    judged = {"val": "Folder(DATA, 'val')", "held out": "Fold(Folder(DATA, 'train'), held_out=True, of=4)"}[validation]
    (tmp_path / "recipe.py").write_text(
        "from weakseg import AdamW, Augment, Fit, Fold, Folder, Phase, Recipe, SeedsOnly, UNet\n"
        f"DATA = {str(hearts)!r}\n"
        "recipe = Recipe(training=Fold(Folder(DATA, 'train'), held_out=False, of=4), network=UNet(),\n"
        f"    validation={judged}, phases=(Phase(Fit(SeedsOnly()), epochs=1, learning_rate=1e-3),),\n"
        "    augment=Augment(crop=(32, 32)), optimizer=AdamW(), batch_size=4)\n"
    )
    said = weakseg("train", tmp_path / "recipe.py", "--out", tmp_path / "run", "--device", "cpu")
    assert said.code == 0, said.err
    said = weakseg("tune-crf", tmp_path / "run", "--pictures", 3)
    assert said.code == 0, said.err
    assert told in said.out


def test_a_damaged_crf_is_one_clear_message(weakseg, trained):
    """It names the file and what to do."""
    for text in ("{", '{"type": "weakseg.types.Memory", "labels": null, "multipliers": null}'):
        (trained / "crf.json").write_text(text)
        said = weakseg("evaluate", trained, "--crf")
        assert said.code == 2
        assert "crf.json" in said.err
        assert "tune again" in said.err
