"""From which checkpoint a run goes on, and what is put right in its folder before.

Three are kept: the last, the one before it, and that of the moment when the remembered hidden segmentations were
found. Each says of itself whether it is whole. What else a run consists of (the best network, metrics, hidden
segmentations) is compared with what the checkpoint says, made again from it, or missed.
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
    """What the epochs that are left need."""

    keys: Sequence[str]
    """Of the training images."""
    data: str
    """Digest of the data as it is now."""
    epochs: int
    """Of the whole recipe."""
    remembering: Callable[[int], range | None]
    """The stretch around an epoch whose hidden segmentations are remembered; `None` where none are."""
    lost_best: bool = False
    """Whether to go on without the best network, should it be lost."""


@dataclass(frozen=True)
class Plan:
    """Where to go on from."""

    path: Path | None
    """The checkpoint; `None` to begin at the beginning."""
    position: Position
    best_from: Path | None = None
    """The checkpoint that best.safetensors must be made again from; `None` where it is as it should be."""
    notes: tuple[str, ...] = ()
    """What to tell."""


def has_checkpoint(folder: Path) -> bool:
    """Whether a run goes on from a checkpoint, or not at all; else it begins at the beginning."""
    return any((folder / name).exists() or (folder / name).is_symlink() for name in (LAST, PREVIOUS, SWEEP))


def plan(folder: Path, fingerprint: str, need: Need) -> Plan:
    """Look at a run folder and choose; nothing is written.

    Raises:
        RunInvalid: epochs were done, and nothing is left from which they can be gone on with.
    """
    found, notes = _checkpoints(folder, fingerprint)
    done = [name for name in (LAST, PREVIOUS, BEST, "metrics.jsonl") if (folder / name).exists()]
    if not found and not done and not notes:
        return Plan(None, Position())
    last, previous = found.get(LAST), found.get(PREVIOUS)
    if last and previous and last.epoch > previous.epoch + 1:
        notes.append(f"{LAST} is of epoch {last.epoch + 1}, {PREVIOUS} of {previous.epoch + 1}: not of one moment")
        del found[LAST]
    if not last and not notes and done:
        notes.append(f"{LAST} is missing, though epochs were done")
    # Of equals the first: the last itself.
    for name, position in sorted(found.items(), key=lambda item: -item[1].epoch):
        wanting = _targets_wanting(folder, position, need)
        source, lost = _best_source(folder, position, found)
        if lost and name != LAST and (coming := _best_to_come(folder, position, fingerprint)):
            position, lost = replace(position, best_network=coming), ""
        if not wanting and (not lost or need.lost_best):
            return _chosen(folder, name, position, source, lost, notes)
        notes += [f"{name}: {reason}" for reason in (wanting, lost) if reason]
    raise RunInvalid(
        "\n".join([f"{folder} cannot go on:", *(f"  {note}" for note in notes)]),
        expected="checkpoints, best network and hidden segmentations of one run, as they were written",
        fix="put the files back from a copy, or train again with another --out"
        + ("; or go on with another network as the best: --accept-changes" if found and not need.lost_best else ""),
    )


def _chosen(folder: Path, name: str, position: Position, source: str | None, lost: str, notes: list[str]) -> Plan:
    if name != LAST:
        notes.append(f"going on from {name}, after epoch {position.epoch + 1}")
    if lost:
        notes.append(f"{lost}; the network of epoch {position.epoch + 1} stands for it until a better one comes")
        score = position.metrics[-1].get("mean_iou") if position.metrics else None
        position = replace(position, best=-1.0 if score is None else score, best_network=None)
        source = name if position.metrics else None
    elif source:
        notes.append(f"{BEST} is written again from {source}")
    return Plan(folder / name, position, folder / source if source else None, tuple(notes))


def _checkpoints(folder: Path, fingerprint: str) -> tuple[dict[str, Position], list[str]]:
    """The positions of the sound checkpoints, and what is wrong with the others."""
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
    """What is wrong with the hidden segmentations that a position goes on with; empty where nothing is."""
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
    """The checkpoint from which to make best.safetensors again, if it must be; and what is lost, if it cannot be."""
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
    """Put a run's checkpoint into a network, its optimiser and its averaged copy, and its folder right.

    Returns:
        Where the training is, and what to tell.

    Raises:
        RunInvalid: there is nothing left to go on from.
    """
    chosen = plan(folder, fingerprint, need)
    if chosen.path is not None:
        tensors, _ = checkpoint.read(chosen.path)
        checkpoint.load_network(network, tensors, chosen.path)
        checkpoint.load_optimizer(optimizer, tensors, chosen.path)
        if averaged is not None:
            checkpoint.load_network(averaged, checkpoint.evaluated_weights(tensors), chosen.path)
    # Nothing is written before all processes have read.
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        return chosen.position, []
    position, more = apply(folder, chosen, fingerprint)
    return position, [*chosen.notes, *more]


def apply(folder: Path, chosen: Plan, fingerprint: str) -> tuple[Position, list[str]]:
    """Put the folder right: last.safetensors, best.safetensors and metrics.jsonl as the plan has them.

    A kill between two of the steps leaves a folder of which the same is made once more.

    Returns:
        The position, and what more there is to tell.
    """
    position = chosen.position
    if chosen.path is None:
        return position, []
    tensors, _ = checkpoint.read(chosen.path)
    source = tensors if chosen.best_from in (None, chosen.path) else checkpoint.read(chosen.best_from)[0]
    if chosen.path.name == SWEEP:
        # It is of a later moment, and would be gone on from.
        (folder / PREVIOUS).unlink(missing_ok=True)
    if chosen.best_from is not None:
        epoch = position.best_network[0] if position.best_network else position.epoch
        digest = checkpoint.write(folder / BEST, checkpoint.evaluated_weights(source), best_state(epoch, fingerprint))
        position = replace(position, best_network=(epoch, digest))
    if chosen.path.name != LAST or position != chosen.position:
        checkpoint.write(folder / LAST, tensors, position.state(fingerprint))
    return position, _rewrite_metrics(folder, position)


def _best_to_come(folder: Path, position: Position, fingerprint: str) -> tuple[int, str] | None:
    """Epoch and digest of the best network, where it is of an epoch that is about to be done again."""
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
    if there == wanted:
        return []
    write_metrics(folder, wanted)
    # One line more or less is what a kill leaves.
    near = in_order(there, len(there)) and abs(len(there) - len(wanted)) <= 1
    return (
        [] if near else [f"metrics.jsonl did not hold the epochs 1 to {len(wanted)}; it is written again from {LAST}"]
    )


def mark_of(network: nn.Module, data: str) -> str:
    """What the hidden segmentations carry that are found with a network and data."""
    weights = checkpoint.digest(checkpoint.network_tensors(network), {})
    return hashlib.sha256(f"{weights} {data}".encode()).hexdigest()[:32]
