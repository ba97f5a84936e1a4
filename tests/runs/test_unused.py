"""A folder with nothing but what nobody will miss counts as empty, and what was left unfinished goes."""

import pytest
from images import tiny_recipe

from weakseg.errors import RunInvalid
from weakseg.recipe.python_source import source
from weakseg.runs.unused import require_no_links, require_unused, tidy
from weakseg.train.loop import train_recipe

PARTIAL = ".run.json.12.partial"


def lay(folder, **files):
    """A folder with these files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {},
        {".DS_Store": "", "Thumbs.db": "", "desktop.ini": "", "._x": "", ".weakseg.lock": "process 3"},
        {".recipe.py.12.partial": "half"},
        {"recipe.py": "any text", PARTIAL: "{"},
        {"recipe.py": "its text"},
        {"recipe.py": "any text", "run.json": ""},
        {"run.json": '{"recipe": '},
    ],
    ids=["nothing", "file managers", "a partial recipe", "a partial record", "the same recipe", "cut at 0", "cut"],
)
def test_what_a_killed_start_or_a_file_manager_leaves_is_in_nobodys_way(tmp_path, files):
    """A start goes on, as in a new folder."""
    require_unused(lay(tmp_path / "run", **files), "its text")


@pytest.mark.parametrize(
    "files",
    [{"mine.txt": "precious"}, {"recipe.py": "another"}, {"run.json": "{}"}, {PARTIAL: "", "notes.md": "mine"}],
    ids=["a file", "a recipe of one's own", "a run", "a file beside leftovers"],
)
def test_anything_else_is_left_alone(tmp_path, files):
    """The message names what is in the way."""
    folder = lay(tmp_path / "run", **files)
    with pytest.raises(RunInvalid, match=r"is not empty: it holds .*"):
        require_unused(folder, "its text")
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


def test_a_start_in_such_a_folder_trains_and_clears_the_leftovers(tmp_path):
    """As does a resumed run, in the folders of hidden segmentations too."""
    recipe = tiny_recipe()
    folder = lay(tmp_path / "run", **{PARTIAL: "{", "recipe.py": source(recipe)})
    run = train_recipe(recipe, folder, device="cpu")
    assert not list(folder.glob(".*"))

    (folder / "targets" / "epoch_00000").mkdir(parents=True)
    for place in (folder, folder / "targets" / "epoch_00000"):
        (place / ".weakseg-0123456789abcdef.partial").mkdir()
    train_recipe(recipe, folder, device="cpu", resume=True)
    assert not list(folder.rglob("*.partial"))
    assert len(run.metrics) == 4


@pytest.mark.parametrize("name", ["targets", "targets_before", "tensorboard", "targets/epoch_00000"])
def test_a_linked_folder_in_a_run_is_neither_written_nor_deleted_through(tmp_path, name):
    """A stranger's run could reach any folder of ours by it."""
    run = train_recipe(tiny_recipe(), tmp_path / "run", device="cpu")
    mine = lay(tmp_path / "mine", **{"p0.png": "precious"})
    (mine / "epoch_00000").mkdir()
    place = run.path / name
    place.parent.mkdir(exist_ok=True)
    if place.is_dir():
        place.rename(tmp_path / "aside")
    place.symlink_to(mine)

    with pytest.raises(RunInvalid, match=r"a link to another folder[\s\S]*remove it"):
        train_recipe(tiny_recipe(), run.path, device="cpu", resume=True)

    assert sorted(path.name for path in mine.iterdir()) == ["epoch_00000", "p0.png"]
    place.unlink()
    require_no_links(run.path)


def test_tidying_leaves_what_is_not_ours(tmp_path):
    """Only names that unfinished files have."""
    folder = lay(tmp_path / "run", **{"a.partial": "mine", ".weakseg-x.partial": "mine"})
    tidy(folder)
    assert len(list(folder.iterdir())) == 2
