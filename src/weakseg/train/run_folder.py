"""A run on disk: what was asked, what happened, what came of it.

recipe.py          the recipe, readable and rerunnable
run.json           the same recipe as data, with classes, network and versions
metrics.jsonl      one object an epoch
last.safetensors   weights, optimiser and position: where a resumed run goes on
best.safetensors   weights of the best validated epoch
crf.json           the CRF that `weakseg tune-crf` found for it
"""

import hashlib
import json
import platform
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from weakseg.data.declaration import Declaration
from weakseg.data.folder import folder_of
from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import RunInvalid, WeaksegError
from weakseg.evaluate.predict import Predictor
from weakseg.models.network import NetworkSpec
from weakseg.regular_file import read_bytes, read_text
from weakseg.train import checkpoint
from weakseg.train.codec import decode, encode
from weakseg.train.recipe import Recipe
from weakseg.types import Classes
from weakseg.whole_file import write_whole

_RECORD = {"recipe": dict, "classes": dict, "channels": int, "network_config": dict, "fingerprint": str}
"""Parts of `run.json` that a run cannot be opened without, and their kinds."""


@dataclass(frozen=True)
class Run:
    """A run folder, opened for reading."""

    path: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def classes(self) -> Classes:
        """The classes the network was trained on."""
        return decode(self.record["classes"])

    @cached_property
    def declaration(self) -> Declaration:
        """What the training data said about themselves when they were trained on; the defaults in runs of before.

        Raises:
            RunInvalid: the record holds something else in its place.
        """
        said = decode(self.record["declaration"]) if "declaration" in self.record else Declaration()
        if not isinstance(said, Declaration):
            found = f"{self.path / 'run.json'}: its declaration is {said!r}"
            raise RunInvalid(found, expected="what a data folder says about itself", mend="train again")
        return said

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe; parts made by the user's own code are `Foreign` texts."""
        return decode(self.record["recipe"])

    @property
    def has_tuned_crf(self) -> bool:
        """Whether a CRF was tuned for this run."""
        return (self.path / "crf.json").is_file()

    @property
    def crf(self) -> DenseCRF:
        """The CRF tuned for this run; the usual one where none was.

        Raises:
            RunInvalid: `crf.json` cannot be read.
        """
        file = self.path / "crf.json"
        if not self.has_tuned_crf:
            return DenseCRF()
        try:
            found = decode(json.loads(read_text(file, RunInvalid)))
        except (ValueError, WeaksegError) as error:
            found = error.found if isinstance(error, WeaksegError) else error
            raise RunInvalid(f"{file} cannot be read: {found}", mend="remove it, or tune again") from error
        if not isinstance(found, DenseCRF):
            raise RunInvalid(f"{file} holds no DenseCRF", mend="remove it, or tune again")
        return found

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """One dict an epoch: loss, learning rate, seconds and, where it was validated, the scores."""
        return read_metrics(self.path)

    def network(self, spec: NetworkSpec | None = None, which: str = "best") -> nn.Module:
        """The trained network.

        Args:
            spec: how to make it, needed when the recipe used a network of the user's own.
            which: `best` or `last` checkpoint.
        """
        spec = spec or decode(self.record["recipe"]["network"])
        if not isinstance(spec, NetworkSpec):
            raise RunInvalid(
                f"{self.path}: the network was made by your own code ({getattr(spec, 'text', spec)})",
                mend="pass the same object again: weakseg.load(run, network=...)",
            )
        path = self.path / f"{which}.safetensors"
        if not path.is_file():
            raise RunInvalid(
                f"{self.path} holds no {path.name}", mend="train it to its first checkpoint with weakseg train --resume"
            )
        network = spec.rebuild(self.record["channels"], len(self.classes), self.record["network_config"])
        checkpoint.load_network(network, checkpoint.read(path)[0], path)
        return network

    def predictor(self, device: str = "cpu", network: NetworkSpec | None = None, which: str = "best") -> Predictor:
        """What turns pictures into probabilities and labels."""
        numbers = tuple(self.record.get("numbers", ()))
        return Predictor(self.network(network, which), self.classes, self.record["channels"], device, numbers=numbers)


def open_run(path: Path | str) -> Run:
    """A run folder for reading.

    Raises:
        RunInvalid: it is no run folder, or its record cannot be read.
    """
    path = Path(path)
    if not (path / "run.json").is_file():
        raise RunInvalid(
            f"{path} is no run folder: it holds no run.json", mend="give the folder that weakseg train --out wrote"
        )
    try:
        record = dict(json.loads(read_text(path / "run.json", RunInvalid)))
        wrong = [name for name, kind in _RECORD.items() if not isinstance(record.get(name), kind)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} is missing or damaged")
    except (ValueError, TypeError) as error:
        raise RunInvalid(
            f"{path / 'run.json'} cannot be read: {error}", mend="train again with another --out"
        ) from error
    return Run(path, record)


def load(path: Path | str, device: str = "cpu", network: NetworkSpec | None = None) -> Predictor:
    """The best network of a run as a predictor: `weakseg.load("runs/hearts").labels(image)`."""
    return open_run(path).predictor(device, network)


def keep_crf(path: Path, crf: DenseCRF) -> None:
    """Put the CRF that was tuned for a run beside its weights."""
    _write_text(path / "crf.json", json.dumps(encode(crf), indent=1) + "\n")


def fingerprint(recipe: Recipe) -> str:
    """A short text that two recipes share only if they ask for the same training."""
    return hashlib.sha256(json.dumps(encode(recipe), sort_keys=True).encode()).hexdigest()[:16]


def enter(
    path: Path, recipe: Recipe, source: str, channels: int, network: nn.Module, resume: bool, writes: bool
) -> Run:
    """The folder a training goes into: a new one, or, to resume, the one of this very recipe.

    Args:
        path: the folder.
        recipe: what is to be trained.
        source: its text, for `recipe.py`.
        channels: image channels the network was built for.
        network: for its `config`.
        resume: whether the run should be there already.
        writes: False in all but one of several processes.

    Raises:
        RunInvalid: something else is there, or nothing where a run was to be resumed.
    """
    record = _record(recipe, channels, network)
    if resume:
        run = open_run(path)
        if run.record["fingerprint"] != record["fingerprint"]:
            raise RunInvalid(
                f"{path} holds a run of another recipe",
                expected="the recipe it was started with (its recipe.py), the same seed and epochs",
                mend="resume it with its own recipe, or choose another --out",
            )
        return run
    if writes:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunInvalid(f"{path} exists and is not empty", mend="choose another --out, or go on with it: --resume")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunInvalid(f"{path} cannot be made: {error.strerror}", mend="choose another --out") from error
        _write_text(path / "recipe.py", source)
        _write_text(path / "run.json", json.dumps(record, indent=1))
    return Run(path, record)


def restore(run: Run, network: nn.Module, optimizer: Optimizer) -> tuple[int, float, list[dict[str, Any]]]:
    """Put a run's last checkpoint into a network and its optimiser.

    Returns:
        The first epoch that is still to do, the best validation score so far, and the epochs that were done.
    """
    path = run.path / "last.safetensors"
    if not path.is_file():
        return 0, -1.0, []
    tensors, state = checkpoint.read(path)
    checkpoint.load_network(network, tensors, path)
    checkpoint.load_optimizer(optimizer, tensors)
    return state["epoch"] + 1, state["best"], run.metrics[: state["epoch"] + 1]


def save(run: Run, network: nn.Module, optimizer: Optimizer, metrics: list[dict[str, Any]], best: float) -> float:
    """Write an epoch down; returns the best validation score so far.

    Without validation the latest network counts as the best.
    """
    score = metrics[-1].get("mean_iou")
    if score is None and best < 0 or score is not None and score > best:
        best = best if score is None else score
        checkpoint.save(run.path / "best.safetensors", network)
    # Metrics first: a kill in between leaves a line too many, which `restore` drops.
    write_metrics(run.path, metrics)
    checkpoint.save(run.path / "last.safetensors", network, optimizer, {"epoch": metrics[-1]["epoch"], "best": best})
    return best


def _record(recipe: Recipe, channels: int, network: nn.Module) -> dict[str, Any]:
    # Networks of the user's own may have a `config` of any kind, which is not for us to keep.
    config = getattr(network, "config", {})
    folder = folder_of(recipe.training)
    return {
        "weakseg": version("weakseg"),
        "versions": {name: version(name) for name in ("torch", "transformers", "accelerate", "numpy")},
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}",
        "fingerprint": fingerprint(recipe),
        "channels": channels,
        "classes": encode(recipe.training.classes),
        "numbers": [*range(len(recipe.training.classes))] if folder is None else folder.numbers,
        "declaration": encode(Declaration() if folder is None else folder.declared),
        "network_config": config if isinstance(config, dict) else {},
        "parameters": sum(p.numel() for p in network.parameters()),
        "recipe": encode(recipe),
    }


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The epochs so far; a line that a kill left half written is no line.

    Raises:
        RunInvalid: another line is no object.
    """
    file = path / "metrics.jsonl"
    lines = read_bytes(file, RunInvalid).decode(errors="replace").splitlines() if file.is_file() else []
    metrics = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith("}"):
            continue
        try:
            metrics.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            mend = "remove the line, or start again with another --out"
            raise RunInvalid(f"{file}, line {number} cannot be read: {error}", mend=mend) from error
    return metrics


def write_metrics(path: Path, metrics: list[dict[str, Any]]) -> None:
    """Put the epochs in place of those on disk."""
    _write_text(path / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in metrics))


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda part: part.write_text(text))
