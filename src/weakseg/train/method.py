"""What a data folder is trained with: each method by its name, and the one that its labels ask for."""

from dataclasses import dataclass, replace

from weakseg.appearance.scribble_densities import ScribbleDensities
from weakseg.constraints.linear_rows import All
from weakseg.divergences import CollisionCrossEntropy
from weakseg.energies.gated_crf import GatedCRF
from weakseg.errors import RecipeInvalid
from weakseg.objectives import Fit, Regularize, Sum
from weakseg.solvers.dual_projection import DualProjection
from weakseg.solvers.joint_projection import JointProjection
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.train.recipe import Phase
from weakseg.types import Objective

WARM_UP = 0.3
"""Share of the epochs that learn what is drawn, before anything is inferred from the network."""


@dataclass(frozen=True)
class Method:
    """How hidden pixels are learnt."""

    objective: Objective
    why: str
    """A sentence for the screen and the report."""
    warm_up: Objective | None = None
    """What comes first, or `None`."""

    def phases(self, phase: Phase) -> tuple[Phase, ...]:
        """This phase's epochs, shared out among warm-up and objective."""
        first = round(WARM_UP * phase.epochs)
        if self.warm_up is None or not 0 < first < phase.epochs:
            return (replace(phase, objective=self.objective),)
        return (
            replace(phase, objective=self.warm_up, epochs=first),
            replace(phase, objective=self.objective, epochs=phase.epochs - first),
        )


def methods(rules: All | None, drawn: bool, everything: bool) -> dict[str, Method]:
    """The methods that fit the labels, the best one first.

    Args:
        rules: what tables demand, or `None`.
        drawn: whether anything is drawn.
        everything: whether every pixel is.
    """
    partial = Method(Fit(SeedsOnly()), "only what is drawn is learnt")
    if everything and rules is None:
        return {"partial": replace(partial, why="every pixel is drawn, so that nothing is hidden")}
    if rules is not None:
        obeys = "each step finds the segmentation nearest to the network's that obeys tags, sizes and boxes"
        constraints = Method(Fit(DualProjection(rules)), obeys)
        return {"constraints": constraints} | ({"partial": partial} if drawn else {})
    joint = Fit(
        JointProjection(appearance=ScribbleDensities(), appearance_weight=0.5, max_sweeps=60),
        CollisionCrossEntropy(),
        weight=3.0,
    )
    return {
        "joint": Method(
            joint,
            "after a while on the marks alone, each step finds the segmentation that agrees best with marks, network, "
            "edges and colours",
            partial.objective,
        ),
        "gated-crf": Method(
            Sum((Fit(SeedsOnly()), Regularize(GatedCRF(), 9.0))),
            "pixels that look alike and lie together are to have one class",
            partial.objective,
        ),
        "partial": partial,
    }


def said_of(phases: tuple[Phase, ...]) -> str:
    """How phases that some method made learn what nobody drew, in a sentence; empty where none did."""
    last = phases[-1].objective
    solver = last.solver if isinstance(last, Fit) else None
    rules = solver.constraint if isinstance(solver, DualProjection) and isinstance(solver.constraint, All) else None
    found = methods(rules, drawn=True, everything=False)
    return next((f"{name}: {method.why}" for name, method in found.items() if method.objective == last), "")


def named(found: dict[str, Method], name: str | None) -> Method:
    """The method of that name; the first without one.

    Raises:
        RecipeInvalid: there is none of that name for these labels.
    """
    if name is None:
        return next(iter(found.values()))
    if name not in found:
        raise RecipeInvalid(f"no method '{name}' for these labels", expected=f"one of {', '.join(found)}")
    return found[name]
