"""Every reader of annotations on files that are damaged at random.

A case is a small set of files, one or more of them damaged, that is read and drawn. A fault is a traceback, five
seconds, more memory than an image of this size takes, or a file that was written or changed.

    python docs/damaged_annotations.py [CASES] [FORMAT ...]
"""

import random
import resource
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "formats")]

from damage import damaged  # noqa: E402
from published import constant  # noqa: E402

from weakseg.annotations.reading import FORMATS, HOMES, read_annotations  # noqa: E402
from weakseg.errors import DataInvalid  # noqa: E402
from weakseg.marks.labels import labels_of  # noqa: E402
from weakseg.marks.uses import Uses  # noqa: E402

SIZE = (80, 100)
MOST_SECONDS = 5.0
MOST_BYTES = 1 << 30
"""More than the process has at its start."""


def read_and_draw(folder: Path) -> str:
    """What becomes of the files of a folder: "refused" or "read"."""
    try:
        annotations = read_annotations([folder], lambda name: SIZE)
    except DataInvalid:
        return "refused"
    wrong = [each for each in annotations.ignored if not each.reason]
    assert not wrong, f"ignored without a reason: {wrong}"
    for image in annotations.images:
        # A size that is stated must be that of the image, or nothing is drawn.
        stated = image.size or SIZE
        size = stated if min(stated) > 0 and stated[0] * stated[1] <= 10_000 else SIZE
        names: dict[str, int] = {}
        labels_of(image, size, 10_000, lambda name, names=names: names.setdefault(name, len(names)), Uses())
    return "read"


def case(home: str, seed: int, inside: Path) -> tuple[str, float]:
    """One case: what became of it, or the fault; and its seconds."""
    room, module, _ = home.split(".")
    files = constant(f"formats.{room}.{module}", "FILES")
    chance, folder = random.Random(seed), inside / str(seed)
    which = {name for name in files if chance.random() < 0.5} or {chance.choice(sorted(files))}
    written = {}
    for name, content in files.items():
        content = damaged(content, chance) if name in which else content
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        written[folder / name] = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        (folder / name).write_bytes(written[folder / name])
    start = time.perf_counter()
    try:
        became = read_and_draw(folder)
    except Exception:
        became = traceback.format_exc()
    took = time.perf_counter() - start
    there = {path: path.read_bytes() for path in inside.rglob("*") if path.is_file()}
    if there != written:
        became = f"files changed: {sorted(map(str, there.keys() ^ written.keys()))}"
    for path in written:
        path.unlink()
    return became if took < MOST_SECONDS else f"{took:.1f} s", took


def main(cases: int, formats: list[str]) -> None:
    """Print a row for each format."""
    print("| format | cases | read | refused | faults | slowest | most memory |\n|---|---|---|---|---|---|---|")
    for home, format in zip(HOMES, FORMATS, strict=True):
        if formats and format.name not in formats:
            continue
        before, counts, slowest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, {"read": 0, "refused": 0}, 0.0
        faults = []
        for seed in range(cases):
            with TemporaryDirectory() as folder:
                became, took = case(home, seed, Path(folder))
            slowest = max(slowest, took)
            if became in counts:
                counts[became] += 1
            else:
                faults.append(f"{format.name}, seed {seed}: {became}")
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        row = (format.name, cases, *counts.values(), len(faults), f"{slowest:.2f} s", f"{grown:.0f} MB")
        print(f"| {' | '.join(map(str, row))} |", flush=True)
        for fault in faults[:5]:
            print(fault, file=sys.stderr, flush=True)


if __name__ == "__main__":
    soft = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + MOST_BYTES * 4
    resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, sys.argv[2:])
