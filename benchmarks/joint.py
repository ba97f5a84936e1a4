"""The joint problem: how near its certificate comes, and what a solve costs beside a training step.

Times are processor time of one thread. `joint.ms_per_image` is an image of 321 x 321 pixels, five labels, cells of 2,
six rows and edges of about 10 nats, until the gap is 1e-3 nats a pixel; `joint.step_share` is the solve of a batch of
eight crops as `weakseg train` solves it at every step, over that step.
"""

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from weakseg import All, Batch, Evidence, JointProjection, UNet
from weakseg.constraints.cells import side_in_cells
from weakseg.constraints.linear_rows import class_row, join
from weakseg.train.method import methods

SIDE, LABELS, EDGE_NATS = 321, 5, 10.0
PROBLEMS = 1000


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread; compiled once before."""
    torch.set_num_threads(1)
    for temperature in (1.0, 0.1):
        gaps = [gap(seed, temperature) for seed in range(PROBLEMS)]
        share = float(np.mean(np.array(gaps) <= 1e-4))
        yield f"joint.gap_per_pixel_T{temperature:g}", max(gaps), f"nats, worst of {PROBLEMS}, float32"
        yield f"joint.gap_below_1e-4_T{temperature:g}", share, f"share of {PROBLEMS}"
    milliseconds, found = large()
    yield "joint.ms_per_image", milliseconds, f"ms, to a gap of {found:.1e} nats a pixel"
    yield "joint.step_share", step_share(), "of a training step of a U-Net of width 16 on 8 crops of 96 x 128"


def gap(seed: int, temperature: float) -> float:
    """The gap per pixel of a random problem with seeds, edges and a priced row, after 3,000 sweeps at most."""
    generator = np.random.default_rng(seed)
    size, classes = tuple(generator.integers(3, 17, 2)), int(generator.integers(2, 6))
    evidence = evidence_of(generator, size, classes, sharp=2.0)
    solver = JointProjection(
        Rows(classes, 1, float(generator.uniform(0.5, 5))),
        edge_weight=float(generator.uniform(0, 1)),
        temperature=temperature,
        cell_px=1,
        tolerance=1e-4,
        max_sweeps=3000,
    )
    return float(solver.solve(evidence).certificate["gap"][0])


class Rows:
    """A share of the image at least, for each of the first classes."""

    def __init__(self, classes: int, count: int, price: float):
        self.classes, self.count, self.price = classes, count, price

    def rows(self, weak, grid):
        """The same rows for every image."""
        eye, cells = torch.eye(self.classes, dtype=torch.float64), grid[0] * grid[1]
        each = [
            class_row(eye[k % self.classes], cells / (2 + k), None, self.price, f"row {k}", grid=grid)
            for k in range(self.count)
        ]
        return [join(each, self.classes, grid) for _ in weak.tags]


def evidence_of(generator: np.random.Generator, size: tuple[int, int], classes: int, sharp: float) -> Evidence:
    """A smooth random image, a few seeds, and a smooth random prediction."""
    smooth = lambda count: np.stack(  # noqa: E731
        [gaussian_filter(generator.normal(size=size), max(size) / 16) for _ in range(count)]
    )
    image, logits = smooth(3), smooth(classes)
    image = (image - image.min()) / (image.max() - image.min() + 1e-9)
    logits = sharp * logits / (logits.std() + 1e-9) + generator.normal(size=logits.shape) / 2
    seeds = np.where(generator.random(size) < 0.02, generator.integers(0, classes, size), -1)
    batch = Batch.from_seeds(image[None].astype(np.float32), seeds[None], classes)
    return Evidence(batch.image, torch.from_numpy(logits[None]).float().log_softmax(1), batch.weak)


def large() -> tuple[float, float]:
    """Median of three solves of the problem that the heading names, and the gap."""
    evidence = evidence_of(np.random.default_rng(0), (SIDE, SIDE), LABELS, sharp=3.0)
    grid = ((SIDE + 1) // 2, (SIDE + 1) // 2)
    solver = JointProjection(
        All((Rows(LABELS, 6, 2.0),)),
        edge_weight=EDGE_NATS / float(side_in_cells(evidence.weak, grid)[0]),
        temperature=1.0,
        cell_px=2,
        only_classes_present=False,
        max_sweeps=200,
    )
    solution = solver.solve(evidence)
    return 1e3 * median(seconds(lambda: solver.solve(evidence)) for _ in range(3)), float(solution.certificate["gap"])


def step_share() -> float:
    """The solver's part of a step, once the network has made up its mind a little."""
    generator, network = np.random.default_rng(0), UNet(width=16).build(3, 4)
    each = [evidence_of(generator, (96, 128), 4, sharp=3.0) for _ in range(8)]
    image = torch.cat([one.image for one in each])
    seeds = torch.cat([one.weak.seeds for one in each])
    batch = Batch.from_seeds(image, seeds, 4)
    fit = methods(None, drawn=True, everything=False)["joint"].objective
    logits = F.avg_pool2d(torch.cat([one.log_probs for one in each]), 2)  # as coarse as the network's

    def step():
        objective = fit(network(image) + logits, batch)
        objective.backward()

    solving = median(seconds(lambda: fit.solution(logits, batch)) for _ in range(3))
    return solving / median(seconds(step) for _ in range(3))


def seconds(done: Callable[[], object]) -> float:
    """Processor time of a call, after one that compiles."""
    done()
    start = time.process_time()
    done()
    return time.process_time() - start


if __name__ == "__main__":
    for row, value, unit in measure():
        print(f"{row}: {value:.3g} {unit}")
