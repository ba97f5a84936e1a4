"""Whatever is wrong, a command ends in one message that names it and the fix, with exit code 2 and nothing lost."""

import re
import shutil

import pytest
from images import tiny_recipe

from weakseg.errors import RecipeInvalid
from weakseg.experiments.table import Row, Table


def _snapshot(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def trained(weakseg, hearts, tmp_path):
    """A run of two short epochs on the hearts."""
    data = f"Folder({str(hearts)!r}), validation=Folder({str(hearts)!r}, 'val', labels=())"
    network = "UNet(8, 1), phases=(Phase(Fit(SeedsOnly()), 2),), augment=Augment((32, 32))"
    names = "Augment, Fit, Folder, Phase, Recipe, SeedsOnly, UNet"
    recipe = tmp_path / "recipe.py"
    recipe.write_text(f"from weakseg import {names}\nrecipe = Recipe({data}, network={network})\n")
    said = weakseg("train", recipe, "--out", tmp_path / "run", "--device", "cpu")
    assert said.code == 0, said.err
    return tmp_path / "run"


@pytest.mark.parametrize(
    "words", [("train", "NOWHERE", "--out", "run"), ("check", "NOWHERE"), ("evaluate", "NOWHERE"),
              ("report", "NOWHERE"),
              ("predict", "NOWHERE", "a.png", "--out", "masks"), ("train", "NOWHERE.py", "--out", "run"),
              ("experiments", "NOWHERE.py"), ("constraints", "NOWHERE"),
              ("simulate", "NOWHERE", "--kind", "scribbles", "--out", "drawn"),
              ("demo", "--data", "NOWHERE", "--out", "demo")],
)  # fmt: skip
def test_something_that_is_not_there_is_named(weakseg, tmp_path, monkeypatch, words):
    """No such folder, recipe, run or table."""
    monkeypatch.chdir(tmp_path)

    said = weakseg(*words)

    assert said.code == 2
    assert "NOWHERE" in said.err
    assert "Traceback" not in said.err
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".png"]


@pytest.mark.parametrize(
    ("breaks", "named"),
    [
        (lambda root: (root / "splits" / "train.txt").write_text(""), "train.txt"),
        (lambda root: (root / "images" / "slice00.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf"), "slice00.png"),
        (lambda root: (root / "classes.txt").write_text("heart\n"), "masks"),
        (lambda root: (root / "images" / "slice03.png").unlink(), "slice03"),
        (lambda root: (root / "dataset.toml").write_text("unlabelled = 3"), "unlabelled"),
        (lambda root: shutil.rmtree(root / "scribbles"), "nothing is drawn"),
    ],
    ids=["empty split", "truncated image", "class out of range", "missing image", "unknown key", "no labels"],
)
def test_a_bad_data_folder_stops_the_training_before_it_starts(weakseg, hearts, tmp_path, breaks, named):
    """The file is named, nothing of the folder is touched, and no run folder is left that looks trained."""
    breaks(hearts)
    before = _snapshot(hearts)

    said = weakseg("train", hearts, "--out", tmp_path / "run", "--network", "unet", "--epochs", 1, "--device", "cpu")

    assert said.code == 2
    assert named in said.err
    assert _snapshot(hearts) == before
    assert not (tmp_path / "run" / "last.safetensors").exists()


@pytest.mark.parametrize(
    "text", ["import weakseg\nrecipe = weakseg.Recipee()", "recipe = 3", "def (", "raise SystemExit(0)"]
)
def test_a_recipe_with_a_typo_is_named_with_its_line(weakseg, tmp_path, text):
    """A recipe is code, and code has typos."""
    (tmp_path / "mine.py").write_text(text)

    said = weakseg("train", tmp_path / "mine.py", "--out", tmp_path / "run")

    assert said.code == 2
    assert "mine.py" in said.err
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_exists_is_left_alone(weakseg, hearts, trained):
    """The same --out a second time changes nothing; --resume is offered."""
    before = _snapshot(trained)

    said = weakseg("train", trained.parent / "recipe.py", "--out", trained, "--device", "cpu")

    assert said.code == 2
    assert "--resume" in said.err
    assert _snapshot(trained) == before


def test_a_checkpoint_of_another_recipe_is_not_resumed(weakseg, hearts, trained):
    """Another seed is another recipe."""
    before = _snapshot(trained)

    said = weakseg("train", trained.parent / "recipe.py", "--out", trained, "--seed", 5, "--resume")

    assert said.code == 2
    assert "another recipe" in said.err
    assert _snapshot(trained) == before


def test_a_trained_run_is_evaluated_predicted_and_reported(weakseg, hearts, trained, tmp_path):
    """The whole way, with one command each."""
    scored = weakseg("evaluate", trained, "--json")
    predicted = weakseg(
        "predict", trained, hearts / "images" / "slice09.png", "--out", tmp_path / "masks", "--overlays"
    )
    reported = weakseg("report", trained)

    assert (scored.code, predicted.code, reported.code) == (0, 0, 0), scored.err + predicted.err + reported.err
    assert '"mean_iou"' in scored.out
    assert (tmp_path / "masks" / "slice09.png").is_file()
    page = (trained / "report.html").read_text()
    assert not re.search(r"(src|href)=.?https?:", page)


def test_predicting_never_overwrites(weakseg, hearts, trained, tmp_path):
    """Masks that are there already stay as they are."""
    image = hearts / "images" / "slice09.png"
    weakseg("predict", trained, image, "--out", tmp_path / "masks")
    before = _snapshot(tmp_path / "masks")

    said = weakseg("predict", trained, image, "--out", tmp_path / "masks")

    assert said.code == 2
    assert _snapshot(tmp_path / "masks") == before


def test_a_network_that_cannot_be_reached_is_never_replaced(weakseg, hearts, tmp_path, monkeypatch):
    """No silent random weights: the name and the alternatives are told."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    said = weakseg("train", hearts, "--out", tmp_path / "run", "--network", "nobody/nothing")

    assert said.code == 2
    assert "nobody/nothing" in said.err
    assert "unet" in said.err.lower()


def test_names_are_never_taken_for_markup(weakseg, hearts, tmp_path):
    """Brackets in a path are brackets, and a path with blanks can be copied from the screen."""
    out = tmp_path / "[red] run[/nope]"

    said = weakseg("train", hearts, "--out", out, "--network", "unet", "--epochs", 1, "--device", "cpu")

    assert said.code == 0
    assert f"weakseg evaluate '{out}'" in said.out


def test_an_interrupt_says_how_to_go_on(weakseg, hearts, tmp_path, monkeypatch):
    """Ctrl-C ends in one message, too."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("weakseg.commands.train.train_recipe", interrupted)

    said = weakseg("train", hearts, "--out", tmp_path / "run", "--network", "unet")

    assert said.code == 130
    assert "--resume" in said.err


def test_rows_of_a_table_have_folders_of_their_own():
    """Two rows in one folder would show one's number for both, and an unknown score would be found out at the end."""
    recipe = tiny_recipe()

    with pytest.raises(RecipeInvalid, match="share"):
        Table((Row("lr 1", recipe), Row("lr/1", recipe)))
    with pytest.raises(RecipeInvalid, match="miou"):
        Table((Row("a", recipe),), score="miou")
    with pytest.raises(RecipeInvalid, match="without validation"):
        Table((Row("a", tiny_recipe(validation=None)),))
