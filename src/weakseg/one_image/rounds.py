"""Cuts of one image in turns with colour models, as long as they lower the energy."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from weakseg.appearance.color import perceived
from weakseg.appearance.mixture import Mixture, region_mixtures, scores_in
from weakseg.appearance.scribble_scores import scribble_scores
from weakseg.cuts.cut_problem import CutProblem, Pixels, cut_problem
from weakseg.cuts.minimise import labelled
from weakseg.cuts.run import Cut
from weakseg.energies.grid_potts import GridPotts
from weakseg.types import UNLABELED

MISLED = 0.01
"""Fraction of pixels whose colour and place say nothing about their label, epsilon of equation `scribble-density`."""

SCORE_WEIGHT = 1.5
"""lambda of equation `one-image`; chosen, like the constants of `scribble_scores`, in benchmarks/single_image.py."""

ROUNDS = 3
"""Largest number of rounds with new colour models."""

MAX_SWEEPS = 10
"""Largest number of expansions of each label in a cut."""


class Found(NamedTuple):
    """The best cut, its problem, and the colour models that this was made with."""

    problem: CutProblem
    cut: Cut
    models: list[Mixture]
    """One for each label; none in the first round."""


def rounds(
    image: Float[np.ndarray, "M H W"],
    seeds: Int[np.ndarray, "H W"],
    labels: int,
    progress: Callable[[int, int], None],
) -> Found:
    """Cut, learn each label's colours, and cut again."""
    colors = perceived(image)
    near = scribble_scores(colors, seeds, labels)
    progress(0, 1 + ROUNDS)
    found = Found(*_cut(image, seeds, near), [])
    for cuts in range(1, 1 + ROUNDS):
        progress(cuts, 1 + ROUNDS)
        models = region_mixtures(colors, found.cut.labels, labels)
        again = Found(*_cut(image, seeds, near + scores_in(models, colors, seeds.shape)), models)
        # Each round has colours of its own, so the energies are of different problems. As in GrabCut it goes on while
        # they fall.
        if again.cut.energies[-1] >= found.cut.energies[-1]:
            break
        found = again
    return found


def _cut(
    image: Float[np.ndarray, "M H W"], seeds: Int[np.ndarray, "H W"], scores: Float32[np.ndarray, "K H W"]
) -> tuple[CutProblem, Cut]:
    """The problem of given scores, and its best labelling."""
    sure = torch.from_numpy(scores).log_softmax(0).exp()
    # A mixture with a uniform distribution caps the cost of a pixel, so that edges and neighbours can overrule odd
    # colours.
    log_probs = ((1 - MISLED) * sure + MISLED / len(scores)).log()
    drawn, none = torch.from_numpy(seeds), torch.full(seeds.shape, UNLABELED)
    pixels = Pixels(torch.from_numpy(image.copy()).float(), torch.ones(seeds.shape, dtype=torch.bool), drawn, none)
    grid = (seeds.shape[0], seeds.shape[1])
    problem, _ = cut_problem(GridPotts(), SCORE_WEIGHT, torch.arange(len(scores)), log_probs, pixels, grid)
    return problem, labelled(*problem, MAX_SWEEPS)
