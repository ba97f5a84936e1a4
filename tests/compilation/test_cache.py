"""Kernels run where nothing can be written, and what is kept lies where only this user can write."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from weakseg.compilation import cache as kept

PACKAGE = Path(kept.__file__).parents[1]

RUN = """
import numpy as np
from weakseg.projection.duality_gap import gap_and_violation
one = np.ones((1, 1))
assert gap_and_violation(one, 3 * one, 2 * one, 0.5 * one)[0] == 0.5
print(gap_and_violation.__module__, sum(gap_and_violation.stats.cache_hits.values()))
"""


def _run(home: Path, temporary: Path, source: Path) -> str:
    """What a new process says that finds its package in `source`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG", "PYTHON"))}
    inherited |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(source)}
    command = [sys.executable, "-B", "-c", RUN]
    done = subprocess.run(command, capture_output=True, text=True, cwd=temporary, env=inherited, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def read_only(tmp_path) -> Path:
    """An installation in which no compiled file can be put, not even by root: a file lies where the folder would."""
    for file in PACKAGE.rglob("*.py"):
        into = tmp_path / "site" / "weakseg" / file.relative_to(PACKAGE)
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_bytes(file.read_bytes())
        (into.parent / "__pycache__").write_text("in the way")
    return tmp_path / "site"


@pytest.fixture
def temporary(tmp_path) -> Path:
    """A temporary directory as systems have it: for all, with a sticky bit."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_a_read_only_installation_without_a_home_keeps_kernels_under_the_temporary_directory(read_only, temporary):
    """The second process loads what the first compiled."""
    home = Path("/proc/nonexistent")
    assert _run(home, temporary, read_only) == "weakseg.projection.duality_gap 0"
    assert [path.name for path in temporary.iterdir()] == [f"weakseg-kernels-{os.getuid()}"]
    assert _run(home, temporary, read_only) == "weakseg.projection.duality_gap 1"


@pytest.mark.parametrize("how", ["writable", "link", "unguarded"])
def test_code_is_never_loaded_from_where_others_can_write(how, read_only, temporary, tmp_path):
    """Then nothing is kept, and the kernels run all the same."""
    folder = temporary / f"weakseg-kernels-{os.getuid()}"
    if how == "writable":
        folder.mkdir()
        folder.chmod(0o777)
    elif how == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "theirs")
    else:
        temporary.chmod(0o777)
    assert _run(Path("/proc/nonexistent"), temporary, read_only) == "weakseg.projection.duality_gap 0"
    assert not any(path.is_file() for path in [*temporary.rglob("*"), *tmp_path.glob("theirs/**/*")])


def test_an_archive_without_a_home_runs(read_only, temporary, tmp_path):
    """Imported from a zip file, where numba would find out only after compiling that it cannot write."""
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
        for file in read_only.rglob("*.py"):
            archive.write(file, file.relative_to(read_only))
    assert _run(Path("/proc/nonexistent"), temporary, tmp_path / "site.zip") == "weakseg.projection.duality_gap 0"


def test_where_numba_has_a_place_it_is_left_alone(read_only, temporary, tmp_path):
    """A home that can be written to is used as ever, and nothing is put under the temporary directory."""
    (tmp_path / "home").mkdir()
    _run(tmp_path / "home", temporary, read_only)
    assert any((tmp_path / "home").rglob("*.nbi"))
    assert not any(temporary.iterdir())


def test_compiling_is_told_only_where_it_happens(capsys, monkeypatch):
    """Loading what was compiled before may take long on a busy machine, and says nothing."""
    import time

    import numba

    from weakseg.compilation import compiled

    monkeypatch.setattr(compiled, "_PATIENCE_S", 0.0)
    with compiled.report_compiling("the test"):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""

    def kernel(x):
        return x + 1

    with compiled.report_compiling("the test"):
        assert numba.njit(kernel)(1) == 2
        time.sleep(0.05)
    assert "compiling the test" in capsys.readouterr().err
