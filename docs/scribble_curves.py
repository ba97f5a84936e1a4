"""Quality over the length of scribbles, and near boundaries: `python docs/scribble_curves.py RUNS`.

Draws `docs/scribble_curves.png` (figures 5 and 6 of Marin and Boykov 2021 on msrc21) from the run folders that
`weakseg experiments recipes/tables/msrc21.py --out RUNS` filled. Needs `pip install matplotlib`, which weakseg itself
does not.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from weakseg.runs.run import read_metrics

try:
    from matplotlib import pyplot
except ImportError as error:
    raise SystemExit(f"{error.name} is missing. To do: pip install matplotlib") from error

FULL = "full supervision"


def finished(folder: Path) -> dict[str, dict[float, list[dict]]]:
    """Last metrics of every finished run, by method and length; full supervision counts as length 1."""
    found = defaultdict(lambda: defaultdict(list))
    for run in sorted(folder.glob("*-seed*")):
        name, _, length = run.name.rpartition("-seed")[0].partition("__length_")
        metrics = read_metrics(run)
        if metrics and "trimap" in metrics[-1]:
            found[name.replace("__", ", ").replace("_", " ")][float(length or 1)].append(metrics[-1])
    return found


def draw(found: dict[str, dict[float, list[dict]]]) -> None:
    """Two charts: over the length, and over the distance from true boundaries at full length."""
    figure, (over_length, near) = pyplot.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for name, by_length in sorted(found.items(), key=lambda item: item[0] != FULL):
        style = {"color": "black"} if name == FULL else {"marker": "o"}
        lengths = sorted(by_length)
        values = [np.mean([line["mean_iou"] for line in by_length[length]]) for length in lengths]
        if name == FULL:
            over_length.axhline(values[0], label=name, **style)
        else:
            over_length.plot(lengths, values, label=name, **style)
        if 1.0 in by_length:
            widths = [*by_length[1.0][0]["trimap"]]
            values = [np.mean([line["trimap"][width] for line in by_length[1.0]]) for width in widths]
            near.plot([*map(int, widths)], values, **style)
    over_length.set(xlabel="length of scribbles", ylabel="mean IoU", title="msrc21, validation images")
    near.set(xlabel="pixels from a true boundary", xscale="log", title="near boundaries, full length")
    near.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    figure.legend(loc="outside right center", fontsize="small")
    figure.savefig(Path(__file__).with_name("scribble_curves.png"), dpi=100)


if __name__ == "__main__":
    runs = finished(Path(sys.argv[1]) / "msrc21")
    if not runs:
        raise SystemExit(f"{sys.argv[1]}/msrc21 holds no finished run. To do: fill the table first")
    draw(runs)
