"""The runner of benchmarks: what was measured is kept, whatever comes after."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[1] / "benchmarks" / "run.py"


def test_rows_are_written_as_they_are_measured_and_those_of_other_subjects_stay(tmp_path):
    """A benchmark that fails after its first row; another one measured before."""
    shutil.copy(RUN, tmp_path)
    (tmp_path / "quick.py").write_text("def measure():\n    print('said')\n    yield 'quick.s', 1, 's'\n")
    falls = "def measure():\n    yield 'falls.s', 2, 's'\n    raise RuntimeError('no more')\n"
    (tmp_path / "falls.py").write_text(falls)
    for names, code in ((["quick"], 0), (["falls"], 1)):
        command = [sys.executable, str(tmp_path / "run.py"), *names]
        assert subprocess.run(command, capture_output=True, check=False).returncode == code
    rows = json.loads((tmp_path / "results.json").read_text())
    assert [(row["name"], row["value"]) for row in rows] == [("quick.s", 1), ("falls.s", 2), ("falls", None)]
    assert rows[2]["reason"] == "RuntimeError: no more"
    assert all(row["noise"] >= 1 for row in rows)
