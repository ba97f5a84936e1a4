"""A comparison of runs in a few sentences."""

from collections.abc import Sequence

from weakseg.report.html import percent
from weakseg.report.sections import Account, Evaluated
from weakseg.report.training_labels import LabelSet, TrainingLabels


def comparisons(evaluated: Sequence[Evaluated], labels: Sequence[TrainingLabels]) -> list[str]:
    """One comparison for each group of evaluated runs.

    It says what the runs share, what each learnt from, and how they score.
    """
    return [_compared(block.accounts, labels) for block in evaluated]


def _compared(accounts: Sequence[Account], labels: Sequence[TrainingLabels]) -> str:
    learnt = {a.name: each for block in labels for each in block.sets for a in each.accounts}
    full = [a for a in accounts if a.name in learnt and learnt[a.name].words == "full masks"]
    best = full[0] if len(full) == 1 and len(accounts) > 1 else None
    return " ".join([*_shared(accounts, labels), *(_account(a, learnt.get(a.name), best) for a in accounts)])


def _shared(accounts: Sequence[Account], labels: Sequence[TrainingLabels]) -> list[str]:
    """A sentence on what the runs have in common."""
    names = {a.name for a in accounts}
    if len(names) == 1:
        return []
    images = any(names <= {a.name for each in block.sets for a in each.accounts} for block in labels)
    recipes = [a.run.recipe for a in accounts]
    network = len({repr(recipe.network) for recipe in recipes}) == 1
    length = len({sum(phase.epochs for phase in recipe.phases) for recipe in recipes}) == 1
    same = [n for n, holds in {"images": images, "network": network, "number of epochs": length}.items() if holds]
    listed = " and ".join([", ".join(same[:-1]), same[-1]] if len(same) > 1 else same)
    return [f"Same {listed}."] if same else []


def _account(account: Account, learnt: LabelSet | None, best: Account | None) -> str:
    """A sentence on one run's labels and score.

    The score is compared with that of the run with full masks.
    """
    assert account.scores is not None
    source = f"{account.name} learnt from {learnt.words}" if learnt else f"{account.name} was evaluated"
    score = account.scores.mean_iou()
    if score != score:
        return f"{source}."
    fraction = ""
    if best is not None and best is not account and best.scores is not None and best.scores.mean_iou() > 0:
        fraction = f", {percent(score / best.scores.mean_iou())} of what {best.name} scores"
    return f"{source}: mIoU {score:.3f}{fraction}."
