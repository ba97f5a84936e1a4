"""What was compared, in a few sentences."""

from collections.abc import Sequence

from weakseg.report.html import percent
from weakseg.report.sections import Account, Judged
from weakseg.report.taught import LabelSet, Taught


def comparisons(judged: Sequence[Judged], taught: Sequence[Taught]) -> list[str]:
    """For runs that were judged on the same images: what they share, what each learnt from, and how they score."""
    return [_compared(block.accounts, taught) for block in judged]


def _compared(accounts: Sequence[Account], taught: Sequence[Taught]) -> str:
    learnt = {a.name: each for block in taught for each in block.sets for a in each.accounts}
    full = [a for a in accounts if a.name in learnt and learnt[a.name].words == "full masks"]
    best = full[0] if len(full) == 1 and len(accounts) > 1 else None
    return " ".join([*_shared(accounts, taught), *(_account(a, learnt.get(a.name), best) for a in accounts)])


def _shared(accounts: Sequence[Account], taught: Sequence[Taught]) -> list[str]:
    """What all of them have in common."""
    names = {a.name for a in accounts}
    if len(names) == 1:
        return []
    images = any(names <= {a.name for each in block.sets for a in each.accounts} for block in taught)
    recipes = [a.run.recipe for a in accounts]
    network = len({repr(recipe.network) for recipe in recipes}) == 1
    length = len({sum(phase.epochs for phase in recipe.phases) for recipe in recipes}) == 1
    same = [n for n, holds in {"images": images, "network": network, "number of epochs": length}.items() if holds]
    listed = " and ".join([", ".join(same[:-1]), same[-1]] if len(same) > 1 else same)
    return [f"Same {listed}."] if same else []


def _account(account: Account, learnt: LabelSet | None, best: Account | None) -> str:
    """What one run learnt from, and its score, beside that of the run with full masks."""
    assert account.scores is not None
    source = f"{account.name} learnt from {learnt.words}" if learnt else f"{account.name} was judged"
    score = account.scores.mean_iou()
    if score != score:
        return f"{source}."
    share = ""
    if best is not None and best is not account and best.scores is not None and best.scores.mean_iou() > 0:
        share = f", {percent(score / best.scores.mean_iou())} of what {best.name} scores"
    return f"{source}: mIoU {score:.3f}{share}."
