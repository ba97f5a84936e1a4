"""Every recipe and every table that is shipped can be loaded, and is its own record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parent.parent / "recipes"


def named(paths) -> pytest.MarkDecorator:
    """A case for each file, called by its name."""
    return pytest.mark.parametrize("path", sorted(paths), ids=lambda path: path.stem)


_LOOKED_AT = """
import json, sys
from pathlib import Path
from weakseg.errors import DataInvalid
from weakseg.recipe.recipe import load_recipe
found = {}
for path in map(Path, sys.argv[1:]):
    recipe = load_recipe(path)
    try:
        apart = not {*recipe.training.keys} & {*recipe.validation.keys}
        found[path.stem] = apart and recipe.training.classes == recipe.validation.classes
    except DataInvalid as error:
        found[path.stem] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def looked_at() -> dict[str, bool | str]:
    """Of each recipe whether its data sets fit, or why they cannot be opened; without type checks, which open them."""
    command = [sys.executable, "-c", _LOOKED_AT, *map(str, RECIPES.glob("*.py"))]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.data
@named(RECIPES.glob("*.py"))
def test_images_of_a_recipe_are_there(path, looked_at):
    """The data sets it names agree on their classes and share no image, where this machine has them."""
    found = looked_at[path.stem]
    if isinstance(found, str) and found.startswith("no data folder"):
        pytest.skip(found.splitlines()[0])
    assert found is True


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("WEAKSEG_DATA"), reason="the type checker of the tests opens the data sets")
@named((RECIPES / "tables").glob("*.py"))
def test_rows_of_a_table_can_be_told_apart(path):
    """A table loads, and no two rows would share a run folder."""
    from weakseg.experiments.table import load_table

    names = [row.name for row in load_table(path).rows]
    assert len({*names}) == len(names) > 0


_LOADED_ALONE = """
import json, sys
from pathlib import Path
from weakseg.recipe.json_codec import decode, encode
from weakseg.recipe.recipe import load_recipe
from weakseg.recipe.python_source import source
for path in map(Path, sys.argv[2:]):
    record, recipe = Path(sys.argv[1]) / path.name, load_recipe(path)
    record.write_text(source(recipe))
    assert load_recipe(record) == recipe, path
    assert decode(json.loads(json.dumps(encode(recipe)))) == recipe, path
"""


def test_recipes_can_be_made_again_from_their_records_without_the_data(tmp_path):
    """In a process without type checks, which would open the data sets."""
    paths = sorted([*RECIPES.glob("*.py"), *(RECIPES / "voc").glob("*.py")])
    subprocess.run([sys.executable, "-c", _LOADED_ALONE, str(tmp_path), *map(str, paths)], check=True)
    assert paths
