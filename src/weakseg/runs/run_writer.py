"""Writing a run folder during training."""

import json
import platform
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.folder import folder_of
from weakseg.errors import RunInvalid
from weakseg.networks import learning_parameters
from weakseg.recipe.identity import fingerprint, located, what_differs
from weakseg.recipe.json_codec import encode
from weakseg.recipe.method import about_method
from weakseg.recipe.recipe import Recipe
from weakseg.runs import checkpoint, data_list
from weakseg.runs.checkpoint import best_state, keep_under_another_name
from weakseg.runs.lock import lock
from weakseg.runs.metrics import read_metrics as read_metrics
from weakseg.runs.metrics import write_metrics
from weakseg.runs.names import BEST, LAST, PREVIOUS, SWEEP
from weakseg.runs.position import Position, Sweep
from weakseg.runs.record import FORMAT
from weakseg.runs.run import (
    Run,
    _write_text,
    open_run,
)
from weakseg.runs.unused import require_no_links, require_unused, tidy


def claim(path: Path, resume: bool, source: str) -> AbstractContextManager[None]:
    """Lock a run folder that training may write into.

    Raises:
        RunInvalid: the folder holds other files, another process trains into it, or parts of it are links.
    """
    if not resume:
        require_unused(path, source)
    else:
        open_run(path)
        require_no_links(path)
    return lock(path)


def resumed(path: Path, recipe: Recipe) -> Run:
    """The run to resume with this recipe.

    Raises:
        RunInvalid: there is no run, or it has another recipe.
    """
    run = open_run(path)
    # Before anything is loaded: a run that goes on with another recipe would be neither of the two.
    if other := what_differs(run.record, recipe):
        raise RunInvalid(
            f"{path} holds a run with another recipe: {'; '.join(other)}",
            expected="the recipe it was started with (its recipe.py), the same seed and epochs",
            fix="resume it with its own recipe, or choose another --out",
        )
    return run


def enter(
    path: Path, recipe: Recipe, source: str, channels: int, network: nn.Module, resume: bool, writes: bool
) -> Run:
    """The run that a training writes into.

    It is a new one or, to resume, the one with this recipe.

    Args:
        path: the folder.
        recipe: the recipe to train.
        source: the text of `recipe.py`.
        channels: image channels the network was built for.
        network: the network, whose `config` is recorded.
        resume: whether the run must exist already.
        writes: False in all but one of several processes.

    Raises:
        RunInvalid: the folder holds other files, or no run to resume.
    """
    if resume:
        run = resumed(path, recipe)
        if writes:
            tidy(path)
            if not (path / "recipe.py").exists():
                _write_text(path / "recipe.py", source)
        return run
    # In all processes, although one writes: each returns the same run.
    record = _record(recipe, channels, network)
    if writes:
        # `claim` looked before it had the lock, and another process may have written since.
        require_unused(path, source)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunInvalid(f"{path} cannot be made: {error.strerror}", fix="choose another --out") from error
        tidy(path)
        # run.json comes first, because it makes the folder a run: a kill before it allows a new start, later --resume.
        _write_text(path / "run.json", json.dumps(record, indent=1))
        _write_text(path / "recipe.py", source)
    return Run(path, record)


def compare_data(run: Run, recipe: Recipe, resume: bool, accepted: bool) -> tuple[str, list[str]]:
    """Record the run's data, or compare it with the record.

    Returns:
        A digest of the training data, and messages to print.

    Raises:
        RunInvalid: the data has changed since the start, and that was not `accepted`.
    """
    data = data_list.listed(recipe)
    begun = (run.path / LAST).exists() or (run.path / "metrics.jsonl").exists()
    known = (run.path / data_list.FILE).exists()
    notes = data_list.require_same(run.path, data, accepted) if resume and (known or begun) else []
    if not resume or notes or not known:
        data_list.keep(run.path, data)
    return data_list.digest(data), notes


def save(
    run: Run,
    network: nn.Module,
    optimizer: Optimizer,
    metrics: list[dict[str, Any]],
    best: float,
    sweep: Sweep | None = None,
    averaged: nn.Module | None = None,
) -> float:
    """Save an epoch, and return the best validation score.

    Without validation the latest network counts as the best. Where weights are averaged, the averaged ones are kept.
    """
    score, epoch, last = metrics[-1].get("mean_iou"), metrics[-1]["epoch"], run.path / LAST
    state = best_state(epoch, run.fingerprint)
    weights = checkpoint.network_tensors(network if averaged is None else averaged)
    # Strictly better: of equal scores the earlier epoch stays, as it does after a restart.
    if better := score is None and best < 0 or score is not None and score > best:
        best = best if score is None else score
        best_network = (epoch, checkpoint.digest(weights, state))
    else:
        # Named in every checkpoint with its digest, so that a best.safetensors of another run or epoch is noticed.
        best_network = _best_network(run)
    # The previous checkpoint is the way back where the last one turns out to be damaged.
    if last.exists():
        keep_under_another_name(last, run.path / PREVIOUS)
    # The last checkpoint comes first, because all else can be made from it after a kill in between.
    position = Position(tuple(metrics), best, best_network, sweep)
    checkpoint.save(last, network, optimizer, position.state(run.fingerprint), averaged)
    if better:
        checkpoint.write(run.path / BEST, weights, state)
    write_metrics(run.path, metrics)
    return best


def save_sweep(
    run: Run,
    network: nn.Module,
    optimizer: Optimizer,
    metrics: list[dict[str, Any]],
    best: float,
    sweep: Sweep | None,
    averaged: nn.Module | None = None,
) -> None:
    """Save the position before an update of the targets.

    A resumed run repeats the update from it, if one of the targets is lost.

    Args:
        run: the run.
        network: the network as it is then.
        optimizer: its optimiser as it is then.
        metrics: the metrics of the epochs so far.
        best: the best validation score so far.
        sweep: the update before.
        averaged: the network with its averaged weights, where they are kept.
    """
    position = Position(tuple(metrics), best, _best_network(run), sweep)
    checkpoint.save(run.path / SWEEP, network, optimizer, position.state(run.fingerprint), averaged)


def _best_network(run: Run) -> tuple[int, str] | None:
    if not (run.path / LAST).exists():
        return None
    found = checkpoint.read_head(run.path / LAST)[0].get("best_network")
    return found and (found[0], found[1])


def _record(recipe: Recipe, channels: int, network: nn.Module) -> dict[str, Any]:
    # A user's own network may have a `config` of any kind, which JSON may not hold.
    config = getattr(network, "config", {})
    folder = folder_of(recipe.training)
    return {
        "format": FORMAT,
        "weakseg": version("weakseg"),
        "versions": {name: version(name) for name in ("torch", "transformers", "accelerate", "numpy")},
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}",
        "fingerprint": fingerprint(recipe),
        "channels": channels,
        "classes": encode(recipe.training.classes),
        "numbers": [*range(len(recipe.training.classes))] if folder is None else folder.numbers,
        "void": 255 if folder is None else folder.void,
        "declaration": encode(Declaration() if folder is None else folder.declared),
        "network_config": config if isinstance(config, dict) else {},
        "learning": learning_parameters.recorded(network),
        "parameters": sum(p.numel() for p in network.parameters()),
        "recipe": encode(located(recipe)),
        "method": about_method(recipe.phases),
    }
