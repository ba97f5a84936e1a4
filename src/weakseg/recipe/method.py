"""Training methods by name, and the choice among them."""

from dataclasses import dataclass, replace

from weakseg.appearance.appearances import Appearances
from weakseg.appearance.box_colors import BoxColors
from weakseg.appearance.scribble_densities import ScribbleDensities
from weakseg.constraints.background import BackgroundBetween
from weakseg.constraints.boxes import NothingOutsideBoxes
from weakseg.constraints.linear_rows import All
from weakseg.constraints.of_each_view import OfEachView
from weakseg.constraints.paper import paper_tags
from weakseg.constraints.tags import TaggedClassesPresent
from weakseg.energies.gated_crf import GatedCRF
from weakseg.errors import RecipeInvalid
from weakseg.joint.joint_projection import JointProjection
from weakseg.losses.divergences import CollisionCrossEntropy
from weakseg.losses.objectives import Fit, Regularize, Sum
from weakseg.projection.dual_projection import DualProjection
from weakseg.recipe.recipe import Phase
from weakseg.solvers.seeds_only import SeedsOnly
from weakseg.types import Objective

WARM_UP = 0.3
"""Fraction of the epochs that learn the drawings alone, before anything is inferred from the network."""

MANY_CLASSES = 10
"""Number of classes above which unlabelled pixels weigh as much as labelled ones (docs/results.md: what was tried)."""

FEW_CLASSES_WEIGHT = 3.0
"""Weight of unlabelled pixels where there are fewer."""


@dataclass(frozen=True)
class Method:
    """A way to learn unlabelled pixels."""

    objective: Objective
    why: str
    """A sentence for the screen and the report."""
    warm_up: Objective | None = None
    """The objective of the first epochs, or `None`."""

    def phases(self, phase: Phase) -> tuple[Phase, ...]:
        """The phase's epochs, divided among warm-up and objective."""
        first = round(WARM_UP * phase.epochs)
        if self.warm_up is None or not 0 < first < phase.epochs:
            return (replace(phase, objective=self.objective),)
        return (
            replace(phase, objective=self.warm_up, epochs=first),
            replace(phase, objective=self.objective, epochs=phase.epochs - first),
        )


def methods(rules: All | None, drawn: bool, everything: bool, classes: int) -> dict[str, Method]:
    """The methods that fit the labels, the best one first.

    Args:
        rules: what tables demand, or `None`.
        drawn: whether anything is drawn.
        everything: whether every pixel is.
        classes: how many there are.
    """
    partial = Method(Fit(SeedsOnly()), "only what is drawn is learnt")
    if everything and rules is None:
        return {"partial": replace(partial, why="every pixel is drawn, so that nothing is hidden")}
    joint = _joint(rules, drawn, classes)
    best = {} if joint is None else {"joint": joint}
    if rules is not None:
        constraints = _constraints(rules, alone=joint is None)
        return best | {"constraints": constraints} | ({"partial": partial} if drawn else {})
    return best | {
        "gated-crf": Method(
            Sum((Fit(SeedsOnly()), Regularize(GatedCRF(), 9.0))),
            "pixels that look alike and lie together are to have one class",
            partial.objective,
        ),
        "partial": partial,
    }


def _constraints(rules: All, alone: bool) -> Method:
    """The method for constraints alone.

    Those of tags and sizes alone are learnt from crops, because many crops are many views of few images.
    """
    if not alone:
        obeys = "each step finds the segmentation nearest to the network's that obeys tags, sizes and boxes"
        return Method(Fit(DualProjection(rules)), obeys)
    solver = JointProjection(
        OfEachView(rules),
        edge_weight=0.02,
        temperature=0.1,  # what a network is unsure of is background nearly everywhere, and rare classes are lost
        only_classes_present=False,
        cell_px=4,
        max_sweeps=60,
    )
    why = (
        "after a while on the constrained CNN's bounds, each step finds the segmentation that agrees best with tags, "
        "sizes, network and edges; large crops are taken to show every tagged class, in the shares of their images"
    )
    return Method(Fit(solver), why, Fit(DualProjection(OfEachView(_at_first(rules)))))


def _at_first(rules: All) -> All:
    """The constraints of the warm-up.

    They are the constrained CNN's bounds, under which rare classes are learnt, or the rules where these contradict the
    bounds.

    The background is held below .7 of images in which it covers more, so that things are too large, and in their place.
    """
    background = next((rule.background for rule in rules.constraints if isinstance(rule, TaggedClassesPresent)), None)
    bounds = paper_tags(background)
    least = max((rule.lower for rule in rules.constraints if isinstance(rule, BackgroundBetween)), default=0.0)
    most = min((rule.upper for rule in bounds.constraints if isinstance(rule, BackgroundBetween)), default=1.0)
    return rules if least > most else bounds


def _joint(rules: All | None, drawn: bool, classes: int) -> Method | None:
    """The method that joins all kinds of evidence.

    It needs marks or boxes, whose colours say where classes are; tags and sizes alone do not.
    """
    boxed = rules is not None and any(isinstance(rule, NothingOutsideBoxes) for rule in rules.constraints)
    marks = (ScribbleDensities(),) if drawn else ()
    looks = (*marks, *((BoxColors(),) if boxed else ()))
    if not looks:
        return None
    solver = JointProjection(
        All(()) if rules is None else rules,
        edge_weight=0.2 if drawn else 0.1,
        appearance=looks[0] if len(looks) == 1 else Appearances(looks),
        appearance_weight=0.5 if drawn else 1.0,
        only_classes_present=rules is None,
        cell_px=4 if boxed else None,  # colours know where a thing ends better than the logits' own cells can say
        max_sweeps=60,
    )
    if not drawn:
        why = (
            "each step finds the segmentation that agrees best with boxes, network, edges and the colours around boxes"
        )
        return Method(Fit(solver), why)
    told = "marks, boxes, network, edges and colours" if boxed else "marks, network, edges and colours"
    why = f"after a while on the marks alone, each step finds the segmentation that agrees best with {told}"
    weight = 1.0 if classes > MANY_CLASSES else FEW_CLASSES_WEIGHT
    return Method(Fit(solver, CollisionCrossEntropy(), weight=weight), why, Fit(SeedsOnly()))


def about_method(phases: tuple[Phase, ...]) -> str:
    """A sentence on the method that made phases.

    It is empty where no method of this module made them.
    """
    last = phases[-1].objective
    solver = last.solver if isinstance(last, Fit) else None
    obeyed = solver.constraint if isinstance(solver, (DualProjection, JointProjection)) else None
    obeyed = obeyed.constraint if isinstance(obeyed, OfEachView) else obeyed
    rules = obeyed if isinstance(obeyed, All) and obeyed.constraints else None
    few_and_many = (True, 2), (True, MANY_CLASSES + 1), (False, 2)
    found = [each for drawn, classes in few_and_many for each in methods(rules, drawn, False, classes).items()]
    return next((f"{name}: {method.why}" for name, method in found if method.objective == last), "")


def named(found: dict[str, Method], name: str | None) -> Method:
    """The method of a name; the first without one.

    Raises:
        RecipeInvalid: there is none of that name for these labels.
    """
    if name is None:
        return next(iter(found.values()))
    if name not in found:
        raise RecipeInvalid(f"no method '{name}' for these labels", expected=f"one of {', '.join(found)}")
    return found[name]
