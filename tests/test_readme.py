"""The README's own code runs."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.skipif(not BLOCKS, reason="README.md holds no Python")
def test_python_in_the_readme_runs(tmp_path, monkeypatch):
    """Its blocks, one after the other, as a reader would paste them."""
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "readme"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"README.md, block {number}", "exec"), names)
