"""`segment` on large photographs: CPU time, memory and gap from .3 to 12 megapixels, and beside the whole.

Photographs of icgbench, enlarged bicubically; scribbles by their nearest pixels. Above 262,144 pixels they are cut in
windows, by all cores. Time is that of all cores together, since others use this machine too: on a free machine of two
cores an answer takes a little more than half of it.
"""

import os
import resource
import time
from collections.abc import Iterator
from itertools import islice
from statistics import median

import numpy as np
from single_image import GROWING, UNDRAWN, Case, icgbench, resized

from weakseg import segment
from weakseg.cuts.alpha_expansion import compile_kernels
from weakseg.cuts.cut_problem import CutProblem
from weakseg.cuts.minimise import minimise
from weakseg.cuts.pyramid import solved
from weakseg.one_image.rounds import MAX_SWEEPS, rounds

SIDES = {"0.3": 548, "1.2": 1095, "3": 1732, "12": 3464}
"""Megapixels, and their root in pixels."""
PHOTOS = 2
BESIDE = 1095
"""Root of the pixels where windows are compared with the whole."""


def measure() -> Iterator[tuple[str, float, str]]:
    """Nothing without the data."""
    if "WEAKSEG_DATA" not in os.environ:
        return
    cases = list(islice(islice(icgbench(), 0, None, GROWING), PHOTOS))
    compile_kernels()
    seconds = []
    for name, side in SIDES.items():
        taken, gaps = zip(*(_taken(resized(case, side)) for case in cases), strict=True)
        seconds.append(taken)
        yield f"scale.cut_s_{name}", median(taken), f"s of CPU time, {name} megapixels, {PHOTOS} photos"
        yield f"scale.cut_gap_{name}", 100 * max(gaps), f"% between energy and bound, worst of {PHOTOS}"
    slopes = np.polyfit(np.log(np.square([*SIDES.values()])), np.log(seconds), 1)[0]
    yield "scale.cut_slope", float(np.median(slopes)), "power of the pixels"
    # Kilobytes on Linux.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    yield "scale.cut_bytes_per_pixel", most / SIDES["12"] ** 2, "bytes of the process at 12 megapixels, image included"
    excess = [_excess(resized(case, BESIDE)) for case in cases]
    yield "scale.cut_excess", 100 * max(excess), "% of energy above the whole, 1.2 megapixels, worst"


def _taken(case: Case) -> tuple[float, float]:
    """CPU time, and the gap as a fraction of the energy."""
    started = time.process_time()
    found = segment(case.image, case.scribbles, UNDRAWN)
    return time.process_time() - started, (found.energy - found.bound) / found.energy


def _excess(case: Case) -> float:
    """How much more windows cost than the whole, in the same problem."""
    labels = np.unique(case.scribbles[case.scribbles != UNDRAWN])
    seeds = np.where(case.scribbles != UNDRAWN, np.searchsorted(labels, case.scribbles), -1).astype(np.int64)
    problem: CutProblem = rounds(case.image, seeds, len(labels), lambda done, total: None).problem
    whole, windows = minimise(*problem, MAX_SWEEPS), solved(problem, MAX_SWEEPS)
    return float(windows.energies[-1] / whole.energies[-1] - 1)
