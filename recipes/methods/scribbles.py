"""What may follow a warm-up of partial cross entropy: each method with the four settings it was tuned over.

`tables/*_tuning.py` compare settings on a part of train; `tables/acdc.py` and `tables/msrc21.py` take one of each.
"""

from dataclasses import replace

from weakseg import (
    AlphaExpansion,
    Fit,
    Hardened,
    JointProjection,
    MeanField,
    Regularize,
    SeedsOnly,
    SoftSelfLabels,
    Sum,
)
from weakseg.appearance import ScribbleDensities
from weakseg.divergences import CollisionCrossEntropy, CrossEntropy, RobustCrossEntropy
from weakseg.energies import DenseCRF, GatedCRF, GridPotts


def settings(classes: int, every: int, prediction_weight: float) -> dict:
    """Settings of a phase by method and setting; `every`: epochs between updates of the targets."""

    def beside_seeds(energy, weight):
        return {"objective": Sum((Fit(SeedsOnly()), Regularize(energy, weight)))}

    def follow(solver, divergence, weight, every=every):
        return {"objective": Fit(solver, divergence, weight=weight), "update_targets_every": every}

    cut, edges_alone = AlphaExpansion(prediction_weight=prediction_weight), AlphaExpansion(prediction_weight=0.0)
    joint = JointProjection(appearance=ScribbleDensities(), appearance_weight=0.5, max_sweeps=60)
    # The paper's setting at full length: b / a = .186, which is nearly linear in q, and weighs hidden pixels 32 times.
    linear = (classes - 1) / (classes + 0.186)
    robust = ((0.3, 1.0), (0.3, 0.3), (0.6, 1.0), (linear, 32.0))
    plain = (0.1, 0.3, 1.0, 3.0)
    return {
        "Grid-GD": {f"weight {w:g}": beside_seeds(GridPotts(), w) for w in (0.01, 0.03, 0.1, 0.3)},
        "Dense-GD": {f"weight {w:g}": beside_seeds(DenseCRF.rloss(), w) for w in (0.1, 0.34, 1.0, 3.0)},
        "gated CRF": {f"weight {w:g}": beside_seeds(GatedCRF(), w) for w in (0.3, 1.0, 3.0, 9.0)},
        "joint": {
            f"weight {w:g}": {"objective": Fit(joint, CollisionCrossEntropy(), weight=w)} for w in (0.3, 1.0, 3.0, 9.0)
        },
        # Published: collision cross entropy at every step, hidden pixels at .3.
        "soft self-labelling": {
            f"weight {w:g}": {"objective": Fit(SoftSelfLabels(), CollisionCrossEntropy(), weight=w)} for w in plain
        },
        # Without the prediction nothing changes from sweep to sweep, so there is one.
        "fixed proposals": {f"weight {w:g}": follow(edges_alone, CrossEntropy(), w, 10**6) for w in plain},
        "dense CRF proposals": {
            f"weight {w:g}": follow(Hardened(MeanField(DenseCRF(), damped=False)), CrossEntropy(), w) for w in plain
        },
        "trust region, plain": {f"weight {w:g}": follow(cut, CrossEntropy(), w) for w in plain},
        "trust region, robust": {
            f"flip {flip:.3g}, weight {w:g}": follow(cut, RobustCrossEntropy(flip), w) for flip, w in robust
        },
    }


def after_warm_up(partial, warm_up: int, settings: dict):
    """The recipe of partial cross entropy, with other settings of its phase from that epoch on."""
    (phase,) = partial.phases
    phases = (replace(phase, epochs=warm_up), replace(phase, epochs=phase.epochs - warm_up, **settings))
    return replace(partial, phases=phases)
