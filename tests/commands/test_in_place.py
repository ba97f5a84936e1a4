"""Annotation files named in dataset.toml, from the check to a run."""

import json

import numpy as np
import pytest
from PIL import Image

from weakseg.data.folder.contents import list_files
from weakseg.data.images.label_file import read_labels
from weakseg.data.images.stored import USUAL
from weakseg.errors import RunInvalid
from weakseg.recipe.default import choose
from weakseg.runs import data_list


@pytest.fixture
def drawn(hearts):
    """The hearts with polylines of LabelMe in place of scribbles."""
    (hearts / "labels").mkdir()
    for key, path in list_files(hearts / "scribbles", []).items():
        strokes = np.asarray(Image.open(path))
        shapes = []
        for label, name in enumerate(("background", "heart")):
            rows, columns = np.nonzero(strokes == label)
            line = [[float(columns.min()), rows.mean() + 0.5], [columns.max() + 1.0, rows.mean() + 1.5]]
            shapes.append({"label": name, "shape_type": "linestrip", "points": line})
        (hearts / "labels" / f"{key}.json").write_text(json.dumps({"shapes": shapes, "imagePath": f"{key}.png"}))
        path.unlink()
    (hearts / "dataset.toml").write_text('annotations = "labels"\n')
    return hearts


def test_the_check_counts_the_marks(weakseg, drawn):
    """And finds nothing wrong."""
    said = weakseg("check", drawn)

    assert said.code == 0
    assert "annotations" in said.out
    assert "heart" in said.out


def test_a_training_gets_the_recipe_of_an_import(weakseg, drawn, tmp_path):
    """Boxes and tags ask for constraints, lines for the joint method, wherever they lie."""
    for kind in ("linestrip", "rectangle"):
        for path in (drawn / "labels").iterdir():
            path.write_text(path.read_text().replace("linestrip", kind))
        imported = tmp_path / kind
        weakseg("import", drawn / "labels", "--images", drawn / "images", "--into", imported)
        for name in ("masks", "splits"):
            (imported / name).symlink_to(drawn / name)
        one, other = (choose(str(folder), network="unet") for folder in (drawn, imported))

        assert one.phases == other.phases
        assert one.augment == other.augment


def test_a_run_notices_a_changed_export(drawn, tmp_path):
    """It says which image it is."""
    recipe = choose(str(drawn), network="unet")
    data_list.keep(tmp_path, data_list.listed(recipe))
    file = drawn / "labels" / "slice01.json"
    file.write_text(file.read_text().replace('"heart"', '"background"'))

    with pytest.raises(RunInvalid, match="slice01"):
        data_list.require_same(tmp_path, data_list.listed(choose(str(drawn), network="unet")), accepted=False)


def test_one_image_is_solved_from_its_marks(weakseg, drawn, tmp_path):
    """Alone, or with the classes of the folder; boxes are not used, which is said."""
    words = ("solve", drawn / "images" / "slice00.png", "--scribbles", drawn / "labels" / "slice00.json")
    alone = weakseg(*words, "--out", tmp_path / "alone.png")
    legend = weakseg(*words, "--legend", drawn, "--out", tmp_path / "legend.png")

    assert (alone.code, legend.code) == (0, 0)
    assert "heart" in alone.out
    assert (read_labels(tmp_path / "legend.png", USUAL) == read_labels(tmp_path / "alone.png", USUAL)).all()
    assert weakseg(*words, "--unlabeled", "0", "--out", tmp_path / "other.png").code == 2


def test_an_annotation_file_of_another_image_is_refused(weakseg, drawn, tmp_path):
    """With the name that it has."""
    words = ("--scribbles", drawn / "labels" / "slice00.json", "--out", tmp_path / "mask.png")
    said = weakseg("solve", drawn / "images" / "slice01.png", *words)

    assert said.code == 2
    assert "slice00" in said.err
