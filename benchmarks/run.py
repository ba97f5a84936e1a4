"""Runs benchmarks, writes each row to benchmarks/results.json as soon as it is measured, and prints them as a table.

A benchmark is a file beside this one with `measure()`, which yields (name, value, unit) for each row. A file in
peers/ is named after a package that a user might pick instead; it runs in .venv-peers, which sees all of .venv and
adds the peers, so ours and theirs are timed in one process. A text file of the same name lists all that it needs.
A benchmark that fails, and a peer that cannot be installed, is a row without a value and with the reason.

`python benchmarks/run.py cut joint` measures these alone; the rows of others stay as they were. A row says how long it
took in `seconds` and how busy the machine was in `noise`: the slowest over the fastest of repeated runs of one loop,
right after the row; 1 is a machine of its own.
"""

import json
import os
import platform
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile

import torch
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers"
STREAM = "import sys; sys.path[:0] = sys.argv[1:3]; from run import stream; stream(sys.argv[3])"
LOOPS, LOOP = 20, 200_000
"""Runs of the loop that shows how busy the machine is, and its length; a hundredth of a second each."""


def main() -> None:
    """Measure what is asked for, or everything; exit code 1 if one of our own benchmarks failed."""
    files = [file for file in sorted(HERE.glob("*.py")) if file != Path(__file__)]
    chosen = [file for file in [*files, *sorted((HERE / "peers").glob("*.py"))] if asked_for(file, sys.argv[1:])]
    if unknown := set(sys.argv[1:]) - {file.stem for file in chosen}:
        sys.exit(f"no benchmark is called {' or '.join(sorted(unknown))}; there are {', '.join(f.stem for f in files)}")
    results, rows = HERE / "results.json", []
    for file in chosen:
        kept = [row for row in read(results) if row["benchmark"] != file.stem]
        measured_now = []
        for row in measured(file):
            measured_now.append({"benchmark": file.stem, **row, "machine": machine(), "versions": versions()})
            results.with_suffix(".part").write_text(json.dumps(kept + measured_now, indent=1) + "\n")
            os.replace(results.with_suffix(".part"), results)
        rows += measured_now
    show(rows)
    sys.exit(1 if any(row["value"] is None and not row["name"].startswith("peer.") for row in rows) else 0)


def asked_for(file: Path, names: list[str]) -> bool:
    """Whether a benchmark is among these names, or there are none."""
    return not names or file.stem in names


def read(results: Path) -> list[dict]:
    """The rows of before; none where they are of another form."""
    rows = json.loads(results.read_text()) if results.exists() else []
    return rows if all("benchmark" in row for row in rows) else []


def measured(file: Path) -> Iterator[dict]:
    """The rows of a benchmark, one by one, run by itself so that none warms the caches of another."""
    python, peer = sys.executable, file.parent.name == "peers"
    if peer:
        if (problem := install(file.stem)) is not None:
            yield missing(file, problem)
            return
        python = str(PEERS / "bin" / "python")
    print(f"measuring {file.relative_to(HERE)}", file=sys.stderr)
    command = [python, "-c", STREAM, str(file.parent), str(HERE), file.stem]
    with (
        # A pipe that is read at the end would fill up and stop the benchmark.
        TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, cwd=HERE.parent) as child,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            if not line.startswith(ROW):
                continue
            row = json.loads(line.removeprefix(ROW))
            print(f"  {row['name']}: {row['value']:.4g} {row['unit']} ({row['seconds']:.0f} s)", file=sys.stderr)
            yield row
        if child.wait():
            said.seek(0)
            yield missing(file, said.read())


ROW = "row: "
"""What a line with a row begins with; a benchmark may print others."""


def stream(name: str) -> None:
    """Print the rows of a benchmark as they are measured."""
    began = time.monotonic()
    for row, value, unit in __import__(name).measure():
        seconds = time.monotonic() - began
        said = {"name": row, "value": float(value), "unit": unit, "seconds": round(seconds, 1), "noise": noise()}
        print(ROW + json.dumps(said), flush=True)
        began = time.monotonic()


def noise() -> float:
    """The slowest over the fastest of repeated runs of one loop."""
    times = []
    for _ in range(LOOPS):
        began = time.perf_counter()
        sum(range(LOOP))
        times.append(time.perf_counter() - began)
    return round(max(times) / min(times), 2)


def missing(file: Path, output: str) -> dict:
    """The row of what could not be measured; the reason is the last thing a program said."""
    said = output.strip().splitlines() or ["it said nothing"]
    name = f"peer.{file.stem}" if file.parent.name == "peers" else file.stem
    return {"name": name, "value": None, "unit": "", "reason": said[-1].strip(), "seconds": 0.0, "noise": 1.0}


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
    table = Table("name", "value", "unit", "seconds", "noise", title=machine())
    for row in rows:
        value = "-" if row["value"] is None else f"{row['value']:.4g}"
        table.add_row(row["name"], value, row["unit"] or row["reason"], f"{row['seconds']:.0f}", f"{row['noise']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
