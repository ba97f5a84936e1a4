"""Starting is quick, because nothing heavy is loaded before it is needed."""

import os
import resource
import subprocess
import sys

import pytest

HEAVY = ("transformers", "accelerate", "matplotlib", "torch", "scipy")

HELP = "import weakseg.cli; weakseg.cli.app(['--help'], standalone_mode=False)"


def run(code: str) -> str:
    """What a fresh Python prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("start", ["import weakseg", HELP], ids=["import", "help"])
def test_nothing_heavy_is_loaded(start):
    """Neither `import weakseg` nor `weakseg --help` loads a heavy library."""
    loaded = run(f"{start}\nimport sys; print('LOADED', *[name for name in {HEAVY} if name in sys.modules])")
    assert loaded.splitlines()[-1].split() == ["LOADED"]


def test_help_is_there_within_a_second():
    """The quickest of three starts; processor time, because other programs on the machine are none of our doing."""

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "segmentation network" in run(HELP)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < (3.0 if os.environ.get("CI") else 1.0)


def test_waiting_threads_spin_shortly_unless_the_user_decides():
    """Set before torch is there; a choice of the user's stays as it is."""
    code = "import os, weakseg; print(os.environ.get('OMP_WAIT_POLICY'), os.environ.get('GOMP_SPINCOUNT'))"
    for own, expected in (
        ({}, "None 1000"),
        ({"GOMP_SPINCOUNT": "7"}, "None 7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE None"),
    ):
        bare = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
        said = subprocess.run([sys.executable, "-c", code], env=bare | own, check=True, capture_output=True, text=True)
        assert said.stdout.split() == expected.split()
