"""Type checkers and editors see the public names, which at run time are loaded late."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import weakseg
from weakseg.homes import DOORS

PACKAGE = Path(weakseg.__file__).parent

PROGRAM = """
import weakseg
from weakseg import Batch, Fit, load

reveal_type(Fit)
reveal_type(load)
reveal_type(Batch.of)
reveal_type(weakseg.AlphaExpansion)
reveal_type(weakseg.__version__)
reveal_type(weakseg.energies.GatedCRF)
weakseg.Folders
"""


@pytest.mark.parametrize("door", DOORS)
def test_stub_and_lazy_imports_name_the_same_things(door):
    """A name in one alone is either hidden from type checkers or promised in vain; `make names` writes the stubs."""
    path = PACKAGE / door
    stub = ast.parse((path / "__init__.pyi" if path.is_dir() else path.with_suffix(".pyi")).read_text())
    imported = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    told = {(alias.asname, f"{node.module}.{alias.name}") for node in imported for alias in node.names}
    spaces = set() if door else {(space, f"weakseg.{space}") for space in DOORS if space}
    assert told == spaces | {(name, f"weakseg.{home}.{name}") for name, home in DOORS[door].items()}


def test_package_says_that_it_is_typed():
    """Without the marker, type checkers disregard an installed package's annotations."""
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_type_checker_sees_real_types(tmp_path):
    """Each name has a type of its own, and a name that does not exist is an error."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{PACKAGE.parent}"]}}')
    command = [sys.executable, "-m", "pyright", "-p", str(tmp_path), "--pythonpath", sys.executable]
    said = subprocess.run(command, capture_output=True, text=True).stdout
    types = [line.split(" is ", 1)[1] for line in said.splitlines() if "Type of" in line]
    assert len(types) == 6, said
    assert types[0] == '"type[Fit]"'
    assert types[1].startswith('"(path: '), said
    assert types[2].endswith('-> Batch"'), said
    assert types[3:] == ['"type[AlphaExpansion]"', '"str"', '"type[GatedCRF]"']
    # An array's own parameters are of any kind; nothing else is.
    bare = [line.replace("ndarray[tuple[Any, ...], dtype[Any]]", "ndarray") for line in types]
    assert not any(word in line for line in bare for word in ("Any", "Unknown")), said
    assert '"Folders" is not a known attribute' in said
