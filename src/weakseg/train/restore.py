"""Resuming a run: the checkpoint, and repairs of its folder.

Three checkpoints are kept: the last, the one before it, and the one from before the last update of the targets. Each
carries a digest that shows damage. The rest of a run (the best network, metrics, targets) is compared with the
checkpoint, restored from it, or reported as missing.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from weakseg.errors import RunInvalid
from weakseg.runs import checkpoint
from weakseg.runs.checkpoint import best_state
from weakseg.runs.metrics import read_metrics, write_metrics
from weakseg.runs.names import BEFORE, BEST, LAST, PREVIOUS, SWEEP, TARGETS
from weakseg.runs.position import Position, in_order, position_of
from weakseg.train import engine
from weakseg.train.targets import Targets


@dataclass(frozen=True)
class Need:
    """Requirements of the remaining epochs."""

    keys: Sequence[str]
    """Keys of the training images."""
    data: str
    """Digest of the training data as it is now."""
    epochs: int
    """Number of epochs of the whole recipe."""
    remembering: Callable[[int], range | None]
    """A function from an epoch to the epochs that share its stored targets; `None` where none are stored."""
    lost_best: bool = False
    """Whether to resume without the best network, if it is lost."""


@dataclass(frozen=True)
class Plan:
    """The checkpoint to resume from, and repairs."""

    path: Path | None
    """The checkpoint; `None` starts the training from its first step."""
    position: Position
    """The position in the training."""
    best_from: Path | None = None
    """The checkpoint from which best.safetensors must be restored; `None` where it is sound."""
    notes: tuple[str, ...] = ()
    """Messages to print."""


def has_checkpoint(folder: Path) -> bool:
    """Whether a run has any checkpoint.

    Without one, training starts from its first step.
    """
    return any((folder / name).exists() or (folder / name).is_symlink() for name in (LAST, PREVIOUS, SWEEP))


def plan(folder: Path, fingerprint: str, need: Need) -> Plan:
    """Choose the checkpoint to resume from; nothing is written.

    Raises:
        RunInvalid: epochs were done, and no sound checkpoint is left to resume from.
    """
    found, notes = _checkpoints(folder, fingerprint)
    done = [name for name in (LAST, PREVIOUS, BEST, "metrics.jsonl") if (folder / name).exists()]
    if not found and not done and not notes:
        return Plan(None, Position())
    last, previous = found.get(LAST), found.get(PREVIOUS)
    # A last checkpoint that skips epochs was copied from somewhere else; the previous one is trusted more.
    if last and previous and last.epoch > previous.epoch + 1:
        notes.append(
            f"{LAST} is of epoch {last.epoch + 1}, {PREVIOUS} of {previous.epoch + 1}: not of consecutive epochs"
        )
        del found[LAST]
    if not last and not notes and done:
        notes.append(f"{LAST} is missing, though epochs were done")
    # The sort is stable: of equal epochs the first in the list wins, which is the last checkpoint.
    # The latest position that can go on, not the latest that can be read.
    for name, position in sorted(found.items(), key=lambda item: -item[1].epoch):
        # A position is only as good as the files it goes on with: a network without its targets would learn from
        # others.
        wanting = _targets_wanting(folder, position, need)
        # The best network may be another checkpoint's own, which can stand in for a lost file.
        source, lost = _best_source(folder, position, found)
        # From an earlier checkpoint on, the best network may be that of an epoch which is about to be repeated.
        if lost and name != LAST and (coming := _best_to_come(folder, position, fingerprint)):
            position, lost = replace(position, best_network=coming), ""
        if not wanting and (not lost or need.lost_best):
            return _chosen(folder, name, position, source, lost, notes)
        notes += [f"{name}: {reason}" for reason in (wanting, lost) if reason]
    raise RunInvalid(
        "\n".join([f"{folder} cannot be resumed:", *(f"  {note}" for note in notes)]),
        expected="checkpoints, best network and hidden segmentations of one run, as they were written",
        fix="put the files back from a copy, or train again with another --out"
        + ("; or go on with another network as the best: --accept-changes" if found and not need.lost_best else ""),
    )


def _chosen(folder: Path, name: str, position: Position, source: str | None, lost: str, notes: list[str]) -> Plan:
    if name != LAST:
        notes.append(f"resuming from {name}, after epoch {position.epoch + 1}")
    if lost:
        notes.append(f"{lost}; the network of epoch {position.epoch + 1} stands for it until a better one comes")
        score = position.metrics[-1].get("mean_iou") if position.metrics else None
        position = replace(position, best=-1.0 if score is None else score, best_network=None)
        source = name if position.metrics else None
    elif source:
        notes.append(f"{BEST} is written again from {source}")
    return Plan(folder / name, position, folder / source if source else None, tuple(notes))


def _checkpoints(folder: Path, fingerprint: str) -> tuple[dict[str, Position], list[str]]:
    """Positions of sound checkpoints, and errors of the others."""
    found, notes, beside = {}, [], []
    for name in (LAST, PREVIOUS, SWEEP):
        path = folder / name
        if not path.exists() and not path.is_symlink():
            continue
        try:
            state = checkpoint.read(path)[1]
            if name == LAST and "metrics" not in state:
                beside = read_metrics(folder)
            found[name] = position_of(state, fingerprint, beside)
        except RunInvalid as error:
            notes.append(error.found)
        except ValueError as error:
            notes.append(f"{path}: {error}")
    return found, notes


def _targets_wanting(folder: Path, position: Position, need: Need) -> str:
    """What is wrong with a position's targets, if anything.

    The text is empty where nothing is.
    """
    begin, sweep = position.epoch + 1, position.sweep
    stretch = need.remembering(begin) if begin < need.epochs else None
    name = f"epoch_{sweep.epoch:05}" if sweep else ""
    if stretch and begin > stretch.start:
        if sweep is None:  # of an earlier version, whose label maps say nothing of themselves
            targets = Targets(folder / TARGETS / f"epoch_{stretch.start:05}")
        elif sweep.data != need.data:
            return "its hidden segmentations were found with other data"
        else:
            targets = Targets(folder / TARGETS / name, sweep.mark)
        bad = targets.wanting(need.keys)
    elif sweep and sweep.data == need.data and any(need.remembering(e) for e in range(begin, need.epochs)):
        # The next search starts from them.
        places = [place for place in (folder / TARGETS / name, folder / BEFORE / name) if place.is_dir()]
        bad = Targets(places[0], sweep.mark).wanting(need.keys) if places else list(need.keys)
    else:
        return ""
    some = ", ".join(bad[:3]) + (" ..." if len(bad) > 3 else "")
    return f"{len(bad)} of the hidden segmentations it goes on with are missing or were changed ({some})" if bad else ""


def _best_source(folder: Path, position: Position, found: dict[str, Position]) -> tuple[str | None, str]:
    """The checkpoint to restore best.safetensors from, if any.

    The second text says what is lost if it cannot be restored.
    """
    if position.best_network is None:
        return None, ""
    epoch, digest = position.best_network
    try:
        checkpoint.read(folder / BEST)
        if checkpoint.read_head(folder / BEST)[1] == digest:
            return None, ""
        wrong = f"{BEST} is not the network of epoch {epoch + 1}, which was the best"
    except RunInvalid as error:
        wrong = error.found
    source = next((name for name, each in found.items() if each.epoch == epoch), None)
    return source, "" if source else wrong


def go_on(
    folder: Path,
    fingerprint: str,
    need: Need,
    network: nn.Module,
    optimizer: Optimizer,
    accelerator: engine.Accelerator,
    averaged: nn.Module | None = None,
) -> tuple[Position, list[str]]:
    """Resume a run: load its checkpoint and repair its folder.

    Returns:
        The position in the training, and messages to print.

    Raises:
        RunInvalid: no sound checkpoint is left.
    """
    chosen = plan(folder, fingerprint, need)
    if chosen.path is not None:
        tensors, _ = checkpoint.read(chosen.path)
        checkpoint.load_network(network, tensors, chosen.path)
        checkpoint.load_optimizer(optimizer, tensors, chosen.path)
        if averaged is not None:
            checkpoint.load_network(averaged, checkpoint.evaluated_weights(tensors), chosen.path)
    # Nothing may be written before all processes have read.
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        return chosen.position, []
    position, more = apply(folder, chosen, fingerprint)
    return position, [*chosen.notes, *more]


def apply(folder: Path, chosen: Plan, fingerprint: str) -> tuple[Position, list[str]]:
    """Repair a run folder as planned.

    This rewrites last.safetensors, best.safetensors and metrics.jsonl where needed.

    A kill between two of the steps leaves a folder that is repaired in the same way the next time.

    Returns:
        The position, and more messages to print.
    """
    position = chosen.position
    if chosen.path is None:
        return position, []
    tensors, _ = checkpoint.read(chosen.path)
    source = tensors if chosen.best_from in (None, chosen.path) else checkpoint.read(chosen.best_from)[0]
    if chosen.path.name == SWEEP:
        # The previous checkpoint is later than this one, and would be chosen the next time.
        (folder / PREVIOUS).unlink(missing_ok=True)
    if chosen.best_from is not None:
        epoch = position.best_network[0] if position.best_network else position.epoch
        digest = checkpoint.write(folder / BEST, checkpoint.evaluated_weights(source), best_state(epoch, fingerprint))
        position = replace(position, best_network=(epoch, digest))
    if chosen.path.name != LAST or position != chosen.position:
        checkpoint.write(folder / LAST, tensors, position.state(fingerprint))
    return position, _rewrite_metrics(folder, position)


def _best_to_come(folder: Path, position: Position, fingerprint: str) -> tuple[int, str] | None:
    """Epoch and digest of a best network still to come.

    It is of an epoch that is about to be repeated.
    """
    try:
        state = checkpoint.read(folder / BEST)[1]
        epoch, digest = state.get("best_of_epoch"), checkpoint.read_head(folder / BEST)[1]
    except RunInvalid:
        return None
    if not isinstance(epoch, int) or epoch <= position.epoch or state.get("fingerprint") != fingerprint:
        return None
    return epoch, digest


def _rewrite_metrics(folder: Path, position: Position) -> list[str]:
    wanted = list(position.metrics)
    if not wanted and not (folder / "metrics.jsonl").exists():
        return []
    try:
        there = read_metrics(folder)
    except RunInvalid:
        there = []
    # A file that is right is not written again, so that a resumed run changes nothing it need not.
    if there == wanted:
        return []
    write_metrics(folder, wanted)
    # A kill leaves one line more or less, which needs no message.
    near = in_order(there, len(there)) and abs(len(there) - len(wanted)) <= 1
    return (
        [] if near else [f"metrics.jsonl did not hold the epochs 1 to {len(wanted)}; it is written again from {LAST}"]
    )


def mark_of(network: nn.Module, data: str) -> str:
    """The digest of a network and data, for targets.

    Stored targets carry it.
    """
    weights = checkpoint.digest(checkpoint.network_tensors(network), {})
    return hashlib.sha256(f"{weights} {data}".encode()).hexdigest()[:32]
