"""Every recipe and every table that is shipped can be loaded, and is its own record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from weakseg.recipe.json_codec import decode, encode
from weakseg.recipe.python_source import source
from weakseg.recipe.recipe import load_recipe

RECIPES = Path(__file__).parent.parent / "recipes"

# A recipe alone reads no data, but the type checker of the tests asks each data set for its classes.
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not os.environ.get("WEAKSEG_DATA"), reason="WEAKSEG_DATA is not set"),
]


def named(paths) -> pytest.MarkDecorator:
    """A case for each file, called by its name."""
    return pytest.mark.parametrize("path", sorted(paths), ids=lambda path: path.stem)


@named(RECIPES.glob("*.py"))
def test_recipe_can_be_made_again_from_its_record(path, tmp_path):
    """The source that is written into a run folder makes an equal recipe."""
    recipe = load_recipe(path)
    record = tmp_path / "recipe.py"
    record.write_text(source(recipe))
    assert load_recipe(record) == recipe
    assert decode(json.loads(json.dumps(encode(recipe)))) == recipe


@named(RECIPES.glob("*.py"))
def test_images_of_a_recipe_are_there(path):
    """The data sets it names exist, agree on their classes and share no image."""
    recipe = load_recipe(path)
    assert recipe.validation is not None
    assert recipe.training.classes == recipe.validation.classes
    assert not {*recipe.training.keys} & {*recipe.validation.keys}


@named((RECIPES / "tables").glob("*.py"))
def test_rows_of_a_table_can_be_told_apart(path):
    """A table loads, and no two rows would share a run folder."""
    from weakseg.experiments.table import load_table

    names = [row.name for row in load_table(path).rows]
    assert len({*names}) == len(names) > 0


_LOADED_ALONE = """
import sys
from pathlib import Path
from weakseg.recipe.recipe import load_recipe
from weakseg.recipe.python_source import source
for path in map(Path, sys.argv[2:]):
    record = Path(sys.argv[1]) / path.name
    record.write_text(source(load_recipe(path)))
    assert load_recipe(record) == load_recipe(path), path
"""


def test_recipes_for_voc_can_be_made_again_without_the_data(tmp_path):
    """In a process without type checks, which would open the data sets."""
    paths = sorted((RECIPES / "voc").glob("*.py"))
    subprocess.run([sys.executable, "-c", _LOADED_ALONE, str(tmp_path), *map(str, paths)], check=True)
    assert paths
