"""The projection onto linear constraints beside the reference code's ascent, and how its cost grows.

The problems are those of a constrained CNN on VOC: 21 classes of which three are tagged, a background between two
hard bounds, a small size. Once the absent classes are priced rows, once they are deleted, as in the released code.

Times are processor time of one thread, medians. `speedup` is the reference's ascent against ours for the same thing:
from log-probabilities and rows to multipliers and P, at an equal or better dual value, the median over three
images. `speedup_solve` is the ascent against the whole `solve`, with labels pooled, checks, certificate and status.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from statistics import median

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from weakseg import Augment, DualProjection, Evidence, Fit, WeakLabels
from weakseg.constraints import All, LinearRows, SizesWithin, TaggedClassesPresent, UntaggedClassesAbsent
from weakseg.constraints.linear_rows import class_row, deletion, join
from weakseg.data.scenes import Scenes
from weakseg.data.view import together
from weakseg.grids.known_cells import known_cells
from weakseg.networks import UNet
from weakseg.projection.grid_problem import grid_problem
from weakseg.recipe.recipe import Phase, Recipe, load_recipe
from weakseg.train.loader import batches_of
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

CLASSES = 21
RECIPES = Path(__file__).parents[1] / "recipes"


def measure() -> Iterator[tuple[str, float, str]]:
    """One thread, medians; compiled once before."""
    torch.set_num_threads(1)
    for side in (41, 65):
        for deleted, name in ((False, "rows"), (True, "deleted")):
            alone, whole, steps, theirs = speedup(side, deleted)
            suffix = f"{name}{'' if side == 41 else f'_{side}'}"
            yield f"projection.speedup_{suffix}", alone, f"times, {side} x {side}, {steps} steps against {theirs}"
            yield f"projection.speedup_solve_{suffix}", whole, f"times, {side} x {side}, the whole solve"
    for deleted, name in ((False, "rows"), (True, "deleted")):
        yield f"projection.batched_ms_per_image_{name}", batched(deleted), "ms, 16 images of 65 x 65"
    gaps = worst_gaps(1000)
    yield "projection.gap_per_pixel", gaps[torch.float64], "nats, worst of 1,000, float64"
    yield "projection.gap_per_pixel_float32", gaps[torch.float32], "nats, worst of 1,000, float32"
    yield "projection.scaling_pixels", slope_over_pixels(), "log-log slope, 65 to 513 pixels a side"
    yield "projection.scaling_rows", slope_over_rows(), "log-log slope, 25 to 200 rows"
    yield "projection.step_share", step_share(), "of a training step, batch of 8"


class Fixed:
    """A constraint that is rows made before, one image each."""

    def __init__(self, rows: list[LinearRows]):
        self._rows = rows

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """Those rows."""
        return self._rows


def problem(side: int, seed: int, deleted: bool) -> tuple[torch.Tensor, LinearRows]:
    """Smooth logits (C, side, side) and the rows of an image with three tags."""
    draw, n, grid = np.random.default_rng(seed), side * side, (side, side)
    logits = np.stack([gaussian_filter(draw.standard_normal(grid), 4) for _ in range(CLASSES)], -1)
    logits = logits / logits.std() * 1.5
    logits[..., 0] += 2
    tagged = draw.choice(np.arange(1, CLASSES), 3, replace=False)
    logits[..., tagged] += 1
    one = torch.eye(CLASSES, dtype=torch.float64)
    rows = [class_row(one[k], 0.05 * n, None, 2.0, f"class {k}", grid=grid) for k in tagged]
    rows += [class_row(one[0], 0.3 * n, 0.7 * n, inf, "background", grid=grid)]
    rows += [class_row(one[tagged[0]], None, 0.1 * n, 2.0, "small", grid=grid)]
    absent = torch.tensor([k not in (0, *tagged) for k in range(CLASSES)])
    if deleted:
        rows.append(deletion(absent, None, grid))
    else:
        rows += [class_row(one[k], None, 1e-3 * n, 8.0, f"class {k}", grid=grid) for k in absent.nonzero().flatten()]
    return torch.from_numpy(logits.transpose(2, 0, 1).copy()), join(rows, CLASSES, grid)


def evidence_of(logits: torch.Tensor) -> Evidence:
    """Whole images, nothing marked, on the grid that is solved at."""
    count, classes, height, width = logits.shape
    weak = WeakLabels(
        seeds=torch.full((count, height, width), UNLABELED),
        valid=torch.ones((count, height, width), dtype=torch.bool),
        tags=torch.full((count, classes), UNTOLD),
        areas=torch.tensor([0.0, 1.0]).expand(count, classes, 2),
        boxes=(torch.zeros(0, 5),) * count,
        window=torch.eye(2, 3).expand(count, 2, 3),
        whole_valid=torch.full((count,), height * width),
    )
    return Evidence(torch.zeros(count, 3, height, width), logits.log_softmax(1), weak)


def reference(logits: np.ndarray, weights: np.ndarray, bounds: np.ndarray, prices: np.ndarray):
    """Projected gradient on the dual with the released code's step rule; rows scaled by 1/n as it scales them."""
    n = len(logits)

    def dual(multipliers):
        z = logits + multipliers @ weights
        top = z.max(1, keepdims=True)
        e = np.exp(z - top)
        total = e.sum(1, keepdims=True)
        value = multipliers @ bounds - (top + np.log(total)).sum()
        return value, bounds - weights @ (e / total).sum(0)

    multipliers, step, count = np.zeros(len(bounds)), 1e5, 0
    value, slope = dual(multipliers)
    while step > 1e-8 and count < 3000:
        tried = np.clip(multipliers + step * slope / n**2, 0, prices)
        tried_value, tried_slope = dual(tried)
        count += 1
        if tried_value > value:
            multipliers, value, slope, step = tried, tried_value, tried_slope, step * 1.1
        else:
            step *= 0.5
    return value, count


def speedup(side: int, deleted: bool) -> tuple[float, float, float, float]:
    """Reference time over ours, for the projection and for the whole solve; our steps and the reference's."""
    found = []
    for seed in range(3):
        logits, rows = problem(side, seed, deleted)
        kept = ~rows.absent
        flat = logits[kept].flatten(1).T.contiguous().numpy()
        given = (flat, rows.weights[:, kept].numpy(), rows.bounds.numpy(), rows.prices.numpy())
        evidence, solver = evidence_of(logits[None]), DualProjection(Fixed([rows]))
        known = known_cells(evidence.weak, CLASSES, (side, side))

        def project(solver=solver, evidence=evidence, rows=rows, known=known):
            return solver.answers([grid_problem(evidence.log_probs[0], rows, known, 0)])[0]

        multipliers = project().multipliers[0]
        ours = multipliers @ given[2] - np.logaddexp.reduce(flat + multipliers @ given[1], 1).sum()
        value, steps = reference(*given)
        # What two orders of summing as many numbers may differ by.
        if ours < value - 1e-12 * np.abs(flat).sum():
            raise ValueError(f"a lower dual value than the reference's: {ours} against {value}")
        theirs_s = seconds(lambda given=given: reference(*given), 3)
        whole_s = seconds(lambda solver=solver, evidence=evidence: solver.solve(evidence), 21)
        found.append((theirs_s / seconds(project, 21), theirs_s / whole_s, project().steps, steps))
    alone, whole, ours, theirs = (median(column) for column in zip(*found, strict=True))
    return alone, whole, ours, theirs


def batched(deleted: bool) -> float:
    """Milliseconds an image, 16 at a time, from log-probabilities to solution with certificate."""
    problems = [problem(65, seed, deleted) for seed in range(16)]
    evidence = evidence_of(torch.stack([logits for logits, _ in problems]).float())
    solver = DualProjection(Fixed([rows for _, rows in problems]))
    return 1000 * seconds(lambda: solver.solve(evidence), 5) / 16


def worst_gaps(count: int) -> dict[torch.dtype, float]:
    """Largest gap and violation per pixel over random problems of 12 x 12, half of each form."""
    worst = {torch.float64: 0.0, torch.float32: 0.0}
    for seed in range(count):
        logits, rows = problem(12, seed, seed % 2 == 0)
        for dtype in worst:
            found = DualProjection(Fixed([rows])).solve(evidence_of(logits[None].to(dtype))).certificate
            worst[dtype] = max(worst[dtype], float(found["gap"]), float(found["violation"]))
    return worst


def slope_over_pixels() -> float:
    """How the time of a solve grows with the pixels."""
    times, counts = [], []
    for side in (65, 129, 257, 513):
        logits, rows = problem(side, 0, False)
        evidence, solver = evidence_of(logits[None].float()), DualProjection(Fixed([rows]))
        times.append(seconds(lambda solver=solver, evidence=evidence: solver.solve(evidence), 3))
        counts.append(side * side)
    return slope(counts, times)


def slope_over_rows() -> float:
    """How the time of a solve grows with rows on strips of the image, at 65 x 65."""
    logits, _ = problem(65, 0, False)
    draw, one, times, counts = np.random.default_rng(0), torch.eye(CLASSES, dtype=torch.float64), [], (25, 50, 100, 200)
    for count in counts:
        rows = []
        for index in range(count):
            strip = torch.zeros(65, 65, dtype=torch.float64)
            top, left = draw.integers(0, 60, 2)
            strip[top : top + 5, left : left + 5] = 1
            rows.append(class_row(one[index % CLASSES], 2.0, None, 2.0, f"strip {index}", strip))
        solver, evidence = DualProjection(Fixed([join(rows, CLASSES, (65, 65))])), evidence_of(logits[None].float())
        times.append(seconds(lambda solver=solver, evidence=evidence: solver.solve(evidence), 3))
    return slope(counts, times)


def step_share() -> float:
    """Solving's share of a step of msrc21 with MobileNetV2 on tags and sizes; of a small U-Net without the data."""
    if {"WEAKSEG_DATA", "WEAKSEG_WEIGHTS"} <= {*os.environ}:
        recipe = load_recipe(RECIPES / "msrc21_full.py")
        images, spec, augment = recipe.training, recipe.network, recipe.augment
    else:
        images, spec, augment = Scenes(count=16), UNet(), Augment(crop=(96, 96))
    network = spec.build(images[0].image.shape[0], len(images.classes))
    network.train()
    solver = DualProjection(All((UntaggedClassesAbsent(), TaggedClassesPresent(), SizesWithin())))
    recipe = Recipe(images, spec, (Phase(Fit(solver), 1),), augment=augment)
    (batch,) = next(iter(batches_of(recipe, range(1), collate=together)))
    batch = replace(batch, weak=sizes_only(batch.weak, len(images.classes)))
    with torch.no_grad():
        evidence = Evidence(batch.image, network(batch.image).float().log_softmax(1), batch.weak)

    def step() -> None:
        Fit(solver)(network(batch.image).float(), batch).backward()

    return seconds(lambda: solver.solve(evidence), 5) / seconds(step, 3)


def sizes_only(weak: WeakLabels, classes: int) -> WeakLabels:
    """Tags and sizes of the views' masks instead of the masks themselves, so that every pixel is to be found."""
    counts = torch.stack([(weak.seeds == label).flatten(1).sum(1) for label in range(classes)], 1)
    valid = weak.valid.flatten(1).sum(1)
    shares = counts / valid.clamp(min=1)[:, None]
    return replace(
        weak,
        seeds=torch.full_like(weak.seeds, UNLABELED),
        tags=torch.where(counts > 0, PRESENT, ABSENT),
        areas=torch.stack([shares * 0.8, (shares * 1.2).clamp(max=1)], 2),
        window=torch.eye(2, 3).expand(len(valid), 2, 3),
        whole_valid=valid,
    )


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The median processor time, after one run that fills caches."""
    work()
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return median(taken)


def slope(counts, times) -> float:
    """Of the logarithms."""
    return float(np.polyfit(np.log(counts), np.log(times), 1)[0])
