"""Runs every benchmark, prints their rows as a table and writes them to benchmarks/results.json.

A benchmark is a file beside this one with `measure()`, which yields (name, value, unit) for each row. A file in
peers/ is named after a package that a user might pick instead; it runs in .venv-peers, which sees all of .venv and
adds the peers, so ours and theirs are timed in one process. A text file of the same name lists all that it needs.
A benchmark that fails, and a peer that cannot be installed, is a row without a value and with the reason.
"""

import json
import os
import platform
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers"
REPORT = "import json, sys; sys.path.insert(0, sys.argv[1]); from {} import measure; print(json.dumps([*measure()]))"


def main() -> None:
    """Measure everything; exit code 1 if one of our own benchmarks failed."""
    rows = []
    for file in sorted(HERE.glob("*.py")):
        if file != Path(__file__):
            rows += measured(file, sys.executable)
    failed = any(row["value"] is None for row in rows)
    for file in sorted((HERE / "peers").glob("*.py")):
        problem = install(file.stem)
        rows += measured(file, str(PEERS / "bin" / "python")) if problem is None else [missing(file, problem)]
    described = [{**row, "machine": machine(), "versions": versions()} for row in rows]
    results = HERE / "results.json"
    results.with_suffix(".part").write_text(json.dumps(described, indent=1) + "\n")
    os.replace(results.with_suffix(".part"), results)
    show(rows)
    sys.exit(1 if failed else 0)


def measured(file: Path, python: str) -> list[dict]:
    """The rows of a benchmark, run by itself so that none warms the caches of another."""
    print(f"measuring {file.relative_to(HERE)}", file=sys.stderr)
    command = [python, "-c", REPORT.format(file.stem), str(file.parent)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent)
    if done.returncode:
        return [missing(file, done.stderr)]
    return [
        {"name": name, "value": value, "unit": unit} for name, value, unit in json.loads(done.stdout.splitlines()[-1])
    ]


def missing(file: Path, output: str) -> dict:
    """The row of what could not be measured; the reason is the last thing a program said."""
    said = output.strip().splitlines() or ["it said nothing"]
    name = f"peer.{file.stem}" if file.parent.name == "peers" else file.stem
    return {"name": name, "value": None, "unit": "", "reason": said[-1].strip()}


def install(package: str) -> str | None:
    """Install a peer into .venv-peers; what pip said where that failed."""
    if not PEERS.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        ours = Path(sysconfig.get_path("purelib"))
        theirs = PEERS / ours.relative_to(sys.prefix)
        (theirs / "weakseg.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n")
    listed = HERE / "peers" / f"{package}.txt"
    what = ["--requirement", str(listed)] if listed.exists() else [package]
    pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
    # A peer must not bring another numpy than ours.
    pinned = {**os.environ, "PIP_CONSTRAINT": "constraints.txt"}
    done = subprocess.run(pip, capture_output=True, text=True, env=pinned, cwd=HERE.parent)
    return done.stderr if done.returncode else None


def machine() -> str:
    """Processor, cores and threads."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, {platform.system()}"


def versions() -> dict[str, str]:
    """What was measured, and on top of what."""
    packages = ("weakseg", "torch", "transformers", "numpy")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def show(rows: list[dict]) -> None:
    """Print the rows."""
    table = Table("name", "value", "unit", title=machine())
    for row in rows:
        table.add_row(row["name"], "-" if row["value"] is None else f"{row['value']:.4g}", row["unit"] or row["reason"])
    Console().print(table)


if __name__ == "__main__":
    main()
