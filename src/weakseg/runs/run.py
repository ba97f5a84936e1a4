"""A run on disk: what was asked, what happened, what came of it.

recipe.py          the recipe, readable and rerunnable
run.json           the same recipe as data, with classes, network and versions
data.json          digests of the images and labels it was started with
metrics.jsonl      one object per epoch
last.safetensors   weights, averaged ones where they are kept, optimiser and position: where a resumed run goes on
previous.safetensors, sweep.safetensors   the same of the epoch before, and of when hidden segmentations were found
best.safetensors   weights of the best validated epoch; the averaged ones, where they are kept
targets/           hidden segmentations that are remembered; targets_before/ those they were begun from
crf.json           the CRF that `weakseg tune-crf` found for it
"""

import json
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from weakseg.data.folder.declaration import Declaration
from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import RunInvalid, WeaksegError
from weakseg.evaluation.predictor import Predictor
from weakseg.files.regular_file import irregular, read_text
from weakseg.files.whole_file import write_whole
from weakseg.networks.network import NetworkSpec
from weakseg.recipe.identity import what_differs
from weakseg.recipe.json_codec import decode, encode
from weakseg.recipe.recipe import Recipe, load_recipe
from weakseg.runs import checkpoint, learning_parameters
from weakseg.runs.metrics import read_metrics as read_metrics
from weakseg.runs.metrics import sound
from weakseg.runs.names import BEST, LAST
from weakseg.types import Classes

FORMAT = 2
"""Of `run.json`. 1, which no record says, named the module of every part; 2 gives public names, without defaults."""

_RECORD = {"recipe": dict, "classes": dict, "channels": int, "network_config": dict, "fingerprint": str}
"""Parts of `run.json` that a run cannot be opened without, and their kinds."""
_MEND_RECORD = "put the file back from a copy, or train again with another --out"
Part = TypeVar("Part")


@dataclass(frozen=True)
class Run:
    """A run folder, opened for reading."""

    path: Path
    record: dict[str, Any]
    given: Recipe | None = None
    """Its recipe as the user's own code makes it; `None`: what the record says."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def classes(self) -> Classes:
        """The classes the network was trained on.

        Raises:
            RunInvalid: the record holds something else in their place.
        """
        classes = self._part("classes", self.record["classes"], Classes)
        names, unscored = classes.names, classes.unscored
        sound = (
            isinstance(names, tuple) and isinstance(unscored, tuple) and all(isinstance(name, str) for name in names)
        )
        numbers = [classes.background, *(unscored if sound else ())]
        if not sound or not names or not all(n is None or type(n) is int and 0 <= n < len(names) for n in numbers):
            raise self._damaged(f"its classes are {classes!r:.200}")
        return classes

    @cached_property
    def declaration(self) -> Declaration:
        """What the training data said about themselves when they were trained on; the defaults in runs of before.

        Raises:
            RunInvalid: the record holds something else in its place.
        """
        if "declaration" not in self.record:
            return Declaration()
        return self._part("declaration", self.record["declaration"], Declaration)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe; parts made by the user's own code are `Foreign` texts.

        Raises:
            RunInvalid: the record holds something else in its place.
        """
        return self._part("recipe", self.record["recipe"], Recipe) if self.given is None else self.given

    @property
    def rebuilding(self) -> str:
        """What to do about a part that only the user's own code can make."""
        file = shlex.quote(str(self.path / "recipe.py"))
        return (
            f"name the file that makes it: --recipe {file}, or in Python weakseg.load(run, recipe=...); it is run then"
        )

    def _part(self, name: str, said: Any, kind: type[Part]) -> Part:
        """A part of the record, made again."""
        try:
            part = decode(said)
        except RunInvalid as error:
            raise error.at(self.path / "run.json") from error
        # A setting may be anything, and what it is used for first may raise anything.
        except Exception as error:
            raise self._damaged(f"its {name} cannot be made: {type(error).__name__}: {error!s:.200}") from error
        if not isinstance(part, kind):
            raise self._damaged(f"its {name} is {part!r:.200}")
        return part

    def _damaged(self, why: str) -> RunInvalid:
        return RunInvalid(f"{self.path / 'run.json'} is damaged: {why}", fix=_MEND_RECORD)

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
        except Exception as error:
            found = error.found if isinstance(error, WeaksegError) else error
            raise RunInvalid(f"{file} cannot be read: {found}", fix="remove it, or tune again") from error
        if not isinstance(found, DenseCRF):
            raise RunInvalid(f"{file} holds no DenseCRF", fix="remove it, or tune again")
        return found

    @property
    def fingerprint(self) -> str:
        """Of the recipe it was started with."""
        return self.record.get("fingerprint", "")

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """One dict an epoch: loss, learning rate, seconds and, where it was validated, the scores.

        Raises:
            RunInvalid: they are damaged, and the last checkpoint does not know them either.
        """
        kept = self._last_state.get("metrics")
        metrics = kept if isinstance(kept, list) else read_metrics(self.path)
        if wrong := sound(metrics):
            fix = "go on with weakseg train --resume, which writes the file again, or put it back from a copy"
            raise RunInvalid(f"{self.path / 'metrics.jsonl'}, {wrong}", fix=fix)
        return metrics

    @property
    def epochs_done(self) -> int:
        """Of how many epochs the last checkpoint is; 0 where there is none that can be read."""
        epoch = self._last_state.get("epoch", -1)
        return epoch + 1 if isinstance(epoch, int) else 0

    @property
    def _last_state(self) -> dict[str, Any]:
        try:
            return checkpoint.read_head(self.path / LAST)[0]
        except RunInvalid:
            return {}

    def network(self, spec: NetworkSpec | None = None, which: str = "best") -> nn.Module:
        """The trained network.

        Args:
            spec: how to make it, needed when the recipe used a network of the user's own.
            which: `best` or `last` checkpoint.
        """
        if spec is None and self.given is not None:
            spec = self.given.network
        if spec is None:
            if "network" not in self.record["recipe"]:
                raise self._damaged("its recipe has no network")
            spec = self._part("network", self.record["recipe"]["network"], object)  # pyright: ignore[reportAssignmentType]
        if not isinstance(spec, NetworkSpec):
            raise RunInvalid(
                f"{self.path}: the network was made by your own code ({getattr(spec, 'text', spec)})",
                fix=self.rebuilding,
            )
        path = self.path / f"{which}.safetensors"
        if not path.is_file():
            raise RunInvalid(
                f"{self.path} holds no {path.name}",
                fix="go on with weakseg train --resume, which also makes a lost file again where it can",
            )
        if not 0 < self.record["channels"] <= 10_000:
            raise self._damaged(f"its images have {self.record['channels']} channels")
        network = self.rebuilt(spec, self.record["channels"], len(self.classes))
        checkpoint.load_network(network, checkpoint.judged(checkpoint.read(path)[0]), path)
        if which == "best":
            self._require_the_best()
        return network

    def rebuilt(self, spec: NetworkSpec, channels: int, classes: int) -> nn.Module:
        """The network as it was built, but for its weights; nothing but the record is needed.

        Args:
            spec: how it was built.
            channels: of the images.
            classes: how many.

        Raises:
            RunInvalid: the record describes no network.
            NetworkUnavailable: it describes one that would have to be fetched.
        """
        try:
            network = spec.rebuild(channels, classes, self.record["network_config"])
            # Of versions before 0.1.0 there are records that do not say it.
            if "learning" in self.record:
                learning_parameters.restore(network, self.record["learning"])
        except WeaksegError as error:
            raise error.at(self.path / "run.json") from error
        except Exception as error:
            raise self._damaged(f"its network cannot be made: {type(error).__name__}: {error!s:.200}") from error
        return network

    def _require_the_best(self) -> None:
        told = self._last_state.get("best_network")
        if isinstance(told, list) and checkpoint.read_head(self.path / BEST)[1] != told[1]:
            raise RunInvalid(
                f"{self.path / BEST} is not the network of epoch {told[0] + 1}, which {LAST} names as the best",
                fix="resume the run with weakseg train --resume, which makes it again if it can; or use the last "
                "network, where there is a --last",
            )

    def predictor(self, device: str = "cpu", network: NetworkSpec | None = None, which: str = "best") -> Predictor:
        """What turns images into probabilities and labels."""
        said = self.record.get("numbers", [])
        numbers = tuple(said) if isinstance(said, (list, tuple)) else (said,)
        if not all(type(number) is int for number in numbers) or len(numbers) not in (0, len(self.classes)):
            raise self._damaged(f"its numbers are {numbers!r:.200}")
        void = self.record.get("void", 255)
        if type(void) is not int:
            raise self._damaged(f"its void is {void!r:.200}")
        return Predictor(
            self.network(network, which),
            self.classes,
            self.record["channels"],
            device,
            numbers=numbers,
            void=void,
            reading=self.declaration.reading,
        )


def open_run(path: Path | str, recipe: Path | None = None) -> Run:
    """A run folder for reading; nothing is executed, unless `recipe` names a file to run.

    Args:
        path: the folder.
        recipe: the Python file of its recipe, for parts that only the user's own code can make.

    Raises:
        RunInvalid: it is no run folder, its record cannot be read, or the recipe is that of another run.
        RecipeInvalid: the recipe does not run.
    """
    run = _opened(path)
    if recipe is None:
        return run
    given = load_recipe(recipe)
    if differing := what_differs(run.record, given):
        raise RunInvalid(
            f"{recipe} is not the recipe of {path}: {'; '.join(differing[:4])}",
            expected="the recipe that the run was trained with, its seed and epochs",
            fix=f"give the file that was kept in the run: --recipe {shlex.quote(str(run.path / 'recipe.py'))}",
        )
    return replace(run, given=given)


def _opened(path: Path | str) -> Run:
    path = Path(path)
    if kind := irregular(path / "run.json"):
        raise RunInvalid(f"{path / 'run.json'} is {kind}", expected="a file", fix=_MEND_RECORD)
    if not (path / "run.json").exists():
        raise RunInvalid(
            f"{path} is no run folder: it holds no run.json", fix="give the folder that weakseg train --out wrote"
        )
    try:
        record = dict(json.loads(read_text(path / "run.json", RunInvalid)))
        _require_known_format(path, record)
        wrong = [name for name, kind in _RECORD.items() if not isinstance(record.get(name), kind)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} is missing or damaged")
    except (ValueError, TypeError, RecursionError) as error:
        raise RunInvalid(f"{path / 'run.json'} cannot be read: {error!s:.200}", fix=_MEND_RECORD) from error
    return Run(path, record)


def _require_known_format(path: Path, record: dict[str, Any]) -> None:
    written = record.get("format", 1)
    if not isinstance(written, int) or written < 1:
        raise ValueError(f"format {written!r}")
    if written > FORMAT:
        raise RunInvalid(
            f"{path / 'run.json'} has format {written}, of weakseg {record.get('weakseg', '(unknown version)')}",
            expected=f"format {FORMAT} or lower, which weakseg {version('weakseg')} reads",
            fix="open the run with that version of weakseg, or a later one",
        )


def load(
    path: Path | str, device: str = "cpu", network: NetworkSpec | None = None, recipe: Path | str | None = None
) -> Predictor:
    """The best network of a run as a predictor: `weakseg.load("runs/hearts").labels(image)`.

    A network of one's own is passed again, or made by the recipe file, which is run.
    """
    return open_run(path, None if recipe is None else Path(recipe)).predictor(device, network)


def keep_crf(path: Path, crf: DenseCRF) -> None:
    """Put the CRF that was tuned for a run beside its weights."""
    _write_text(path / "crf.json", json.dumps(encode(crf), indent=1) + "\n")


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
