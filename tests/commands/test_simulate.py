"""`weakseg simulate` as a person meets it."""

import shlex

import numpy as np
import pytest

from weakseg.data.folder.folder import Folder
from weakseg.data.simulate.annotators import Boxes, Clicks, IntervalSizes, OneBitSizes, Scribbles, Simulated, Tags

KINDS = {
    ("scribbles",): ("scribbles_length1_seed0", Scribbles()),
    ("scribbles", "--length", "0.3", "--width", "2"): ("scribbles_length0.3_seed0", Scribbles(0.3, 2.0)),
    ("clicks",): ("seed0/clicks.csv", Clicks()),
    ("boxes",): ("seed0/boxes.csv", Boxes()),
    ("tags",): ("seed0/tags.csv", Tags()),
    ("sizes",): ("seed0/sizes.csv", IntervalSizes()),
    ("sizes", "--threshold", "0.2"): ("seed0/sizes.csv", OneBitSizes(0.2)),
}
"""Words after --kind, and where which labels go."""


def contents(root):
    """The bytes of every file."""
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("words", KINDS, ids=" ".join)
def test_labels_are_written_as_training_reads_them(weakseg, hearts, tmp_path, words):
    """What is read back is what is simulated in memory; the data folder stays as it is."""
    place, kind = KINDS[words]
    before = contents(hearts)

    said = weakseg("simulate", hearts, "--out", tmp_path / "out", "--kind", *words)

    assert said.code == 0, said.err
    assert str(tmp_path / "out" / place) in said.out
    read = Folder(str(hearts), labels=(str(tmp_path / "out" / place),))
    simulated = Simulated(Folder(str(hearts)), (kind,))
    for index in (0, 7):
        assert np.array_equal(read[index].seeds, simulated[index].seeds)
        assert np.array_equal(read[index].tags, simulated[index].tags)
        assert np.array_equal(read[index].boxes, simulated[index].boxes)
        assert np.allclose(read[index].areas, simulated[index].areas)
        assert len(read[index].strokes) == len(simulated[index].strokes)
    assert contents(hearts) == before


def test_a_page_shows_the_result(weakseg, hearts, tmp_path):
    """Beside the labels, with images and without the network."""
    said = weakseg("simulate", hearts, "--out", tmp_path / "out", "--kind", "scribbles", "--length", "0.3")

    page = tmp_path / "out" / "scribbles_length0.3_seed0.html"
    assert str(page) in said.out
    assert "data:image" in page.read_text()
    assert "heart" in page.read_text()


def test_the_seed_alone_decides(weakseg, hearts, tmp_path):
    """The same words give the same bytes; another seed gives other scribbles, under another name."""
    for out, seed in (("first", 4), ("second", 4), ("third", 5)):
        weakseg("simulate", hearts, "--out", tmp_path / out, "--kind", "scribbles", "--seed", seed)
    first, second, third = (
        contents(tmp_path / out / f"scribbles_length1_seed{seed}")
        for out, seed in (("first", 4), ("second", 4), ("third", 5))
    )

    assert first == second
    assert first.keys() == third.keys()
    assert first != third


def test_another_split_is_simulated_when_asked(weakseg, hearts, tmp_path):
    """By default only what is for training."""
    weakseg("simulate", hearts, "--out", tmp_path / "out", "--kind", "scribbles", "--split", "val")

    drawn = sorted(path.stem for path in (tmp_path / "out" / "scribbles_length1_seed0").iterdir())
    assert drawn == [f"slice{number:02d}" for number in range(8, 12)]


def test_several_kinds_share_a_folder_and_none_is_overwritten(weakseg, hearts, tmp_path):
    """The second kind is added; the same one again is refused, and nothing changes."""
    out = tmp_path / "out"
    for kind in ("tags", "boxes"):
        assert weakseg("simulate", hearts, "--out", out, "--kind", kind).code == 0
    before = contents(out)

    said = weakseg("simulate", hearts, "--out", out, "--kind", "tags")

    assert said.code == 2
    assert "tags.csv already exists" in said.err
    assert contents(out) == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("scribble",), "one of scribbles, clicks"),
        (("boxes", "--length", "0.5"), "--length"),
        (("tags", "--width", "5"), "--width"),
        (("scribbles", "--threshold", "0.5"), "--threshold"),
        (("sizes", "--threshold", "1.5"), "threshold between 0 and 1"),
        (("scribbles", "--length", "1.5"), "--length"),
        (("scribbles", "--seed", "-1"), "seed -1"),
        (("scribbles", "--split", "nowhere"), "nowhere.txt"),
    ],
)
def test_what_cannot_be_simulated_is_refused(weakseg, hearts, tmp_path, words, named):
    """One message, exit code 2, and nothing is written."""
    said = weakseg("simulate", hearts, "--out", tmp_path / "out", "--kind", *words)

    assert said.code == 2
    assert named in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


def test_images_without_masks_are_named(weakseg, hearts, tmp_path):
    """There is nothing to simulate from; no half of a result is left."""
    (hearts / "masks" / "slice03.png").unlink()

    said = weakseg("simulate", hearts, "--out", tmp_path / "out", "--kind", "clicks")

    assert said.code == 2
    assert "slice03" in said.err
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("words", KINDS, ids=" ".join)
@pytest.mark.parametrize("fully_labelled", [False, True], ids=["drawn", "fully labelled"])
def test_the_next_step_that_is_printed_learns_from_these_labels_alone(
    weakseg, hearts, tmp_path, monkeypatch, words, fully_labelled
):
    """Followed to the letter: neither the folder's own scribbles nor masks that it calls complete are learnt from."""
    if fully_labelled:
        (hearts / "dataset.toml").write_text("fully_labelled = ['*']\n")
    said = weakseg("simulate", hearts, "--out", tmp_path / "out", "--kind", *words)
    (line,) = [line.strip() for line in said.out.splitlines() if line.strip().startswith("weakseg train")]
    started = []
    monkeypatch.setattr("weakseg.commands.train.train_recipe", lambda recipe, out, **settings: started.append(recipe))

    followed = weakseg(*shlex.split(line)[1:], "--network", "unet")

    assert followed.code == 0, followed.err
    (recipe,) = started
    simulated = Simulated(Folder(str(hearts)), (KINDS[words][1],))
    assert recipe.training.keys == simulated.keys
    for index in (0, 7):
        learnt, drawn = recipe.training[index], simulated[index]
        assert np.array_equal(learnt.seeds, drawn.seeds)
        assert np.array_equal(learnt.boxes, drawn.boxes)
        assert len(learnt.strokes) == len(drawn.strokes)
    assert recipe.validation[0].truth is not None


def test_labels_beside_a_recipe_are_refused(weakseg, tmp_path):
    """A recipe says itself what it learns from."""
    (tmp_path / "recipe.py").write_text("recipe = None\n")
    said = weakseg("train", tmp_path / "recipe.py", "--labels", "x", "--out", tmp_path / "run")
    assert said.code == 2
    assert "labels=('x',)" in said.err


def test_a_split_that_training_does_not_take_has_no_next_step(weakseg, hearts, tmp_path):
    """Labels of the validation images are no labels to train on."""
    said = weakseg("simulate", hearts, "--out", tmp_path / "out", "--kind", "clicks", "--split", "val")
    assert said.code == 0, said.err
    assert "weakseg train" not in said.out
