"""A run on disk: its folder and how to read it.

recipe.py          the recipe, readable and rerunnable
run.json           the same recipe as data, with classes, network and versions
data.json          digests of the images and labels it was started with
metrics.jsonl      one object per epoch
last.safetensors   weights (with averaged ones, if any), optimiser and position, from which a run is resumed
previous.safetensors, sweep.safetensors   the same for the epoch before, and before the last update of the targets
best.safetensors   weights of the best validated epoch; the averaged ones, if any
targets/           the current targets; targets_before/ those before, from which they were started
crf.json           the CRF that `weakseg tune-crf` found for it
"""

import json
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from weakseg.data.folder.declaration import Declaration
from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import RunInvalid, WeaksegError
from weakseg.evaluation.predictor import Predictor
from weakseg.files.regular_file import read_text
from weakseg.files.whole_file import write_whole
from weakseg.networks import learning_parameters
from weakseg.networks.network import NetworkSpec
from weakseg.recipe.foreign import foreign_parts
from weakseg.recipe.identity import what_differs
from weakseg.recipe.json_codec import decode, encode
from weakseg.recipe.recipe import Recipe, load_recipe
from weakseg.runs import checkpoint
from weakseg.runs.hub import here
from weakseg.runs.metrics import read_metrics as read_metrics
from weakseg.runs.metrics import sound
from weakseg.runs.names import BEST, LAST
from weakseg.runs.record import damaged, part_of, read_record
from weakseg.types import Classes


@dataclass(frozen=True)
class Run:
    """A run folder, opened for reading."""

    path: Path
    record: dict[str, Any]
    given: Recipe | None = None
    """The recipe as the user's own code makes it; `None` takes the record's."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def classes(self) -> Classes:
        """The classes the network was trained on.

        Raises:
            RunInvalid: the record is damaged.
        """
        classes = part_of(self.path, "classes", self.record["classes"], Classes)
        names, unscored = classes.names, classes.unscored
        sound = (
            isinstance(names, tuple) and isinstance(unscored, tuple) and all(isinstance(name, str) for name in names)
        )
        numbers = [classes.background, *(unscored if sound else ())]
        if not sound or not names or not all(n is None or type(n) is int and 0 <= n < len(names) for n in numbers):
            raise damaged(self.path, f"its classes are {classes!r:.200}")
        return classes

    @cached_property
    def declaration(self) -> Declaration:
        """The training data's declaration, as it was recorded.

        Runs of earlier versions have the defaults.

        Raises:
            RunInvalid: the record is damaged.
        """
        if "declaration" not in self.record:
            return Declaration()
        return part_of(self.path, "declaration", self.record["declaration"], Declaration)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of the run.

        Parts made by the user's own code are `Foreign` texts.

        Raises:
            RunInvalid: the record is damaged.
        """
        if self.given is not None:
            return self.given
        return part_of(self.path, "recipe", self.record["recipe"], Recipe)

    @property
    def rebuilding(self) -> str:
        """The advice for a part that only user code makes."""
        file = shlex.quote(str(self.path / "recipe.py"))
        return f"give the file that makes it, which is then run: --recipe {file}, or weakseg.load(run, recipe=...)"

    @property
    def has_tuned_crf(self) -> bool:
        """Whether a CRF was tuned for this run."""
        return (self.path / "crf.json").is_file()

    @property
    def crf(self) -> DenseCRF:
        """The CRF tuned for this run, else the default.

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
        """The fingerprint of the recipe it was started with."""
        return self.record.get("fingerprint", "")

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """One dict per epoch.

        Each has loss, learning rate and seconds and, where the epoch was validated, the scores.

        Raises:
            RunInvalid: they are damaged, in the last checkpoint too.
        """
        # The checkpoint's own first: it is written before metrics.jsonl, and carries a digest.
        kept = self._last_state.get("metrics")
        metrics = kept if isinstance(kept, list) else read_metrics(self.path)
        if wrong := sound(metrics):
            fix = "resume with weakseg train --resume, which rewrites the file, or restore it from a backup"
            raise RunInvalid(f"{self.path / 'metrics.jsonl'}, {wrong}", fix=fix)
        return metrics

    @property
    def epochs_done(self) -> int:
        """The number of finished epochs.

        It is 0 where no checkpoint can be read.
        """
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
            spec: how to make it; needed where the recipe has a network of the user's own.
            which: the checkpoint, `best` or `last`.
        """
        if spec is None and self.given is not None:
            spec = self.given.network
        if spec is None:
            if "network" not in self.record["recipe"]:
                raise damaged(self.path, "its recipe has no network")
            recorded = self.record["recipe"]["network"]
            spec = part_of(self.path, "network", recorded, object)  # pyright: ignore[reportAssignmentType]
        # The record names parts by their public names and holds no code, so a part of the user's own cannot be made
        # from it.
        if not isinstance(spec, NetworkSpec) or any(foreign_parts(spec)):
            raise RunInvalid(
                f"{self.path}: the network was made by your own code ({getattr(spec, 'text', spec)})",
                fix=self.rebuilding,
            )
        path = self.path / f"{which}.safetensors"
        if not path.is_file():
            raise RunInvalid(
                f"{self.path} holds no {path.name}",
                fix="resume with weakseg train --resume, which also restores a lost file where it can",
            )
        # A damaged or hostile record must not ask for a first layer of terabytes.
        if not 0 < self.record["channels"] <= 10_000:
            raise damaged(self.path, f"its images have {self.record['channels']} channels")
        # `rebuild` and not `build`: no pretrained weights are fetched, as the checkpoint replaces them.
        network = self.rebuilt(spec, self.record["channels"], len(self.classes))
        checkpoint.load_network(network, checkpoint.evaluated_weights(checkpoint.read(path)[0]), path)
        if which == "best":
            self._require_the_best()
        return network

    def rebuilt(self, spec: NetworkSpec, channels: int, classes: int) -> nn.Module:
        """The network as it was built, without its weights.

        Nothing but the record is needed.

        Args:
            spec: how it was built.
            channels: the number of image channels.
            classes: the number of classes.

        Raises:
            RunInvalid: the record describes no network.
            NetworkUnavailable: it describes one that would have to be fetched.
        """
        try:
            network = spec.rebuild(channels, classes, self.record["network_config"])
            # Records of versions before 0.1.0 do not have it.
            if "learning" in self.record:
                learning_parameters.restore(network, self.record["learning"])
        except WeaksegError as error:
            raise error.at(self.path / "run.json") from error
        except Exception as error:
            raise damaged(self.path, f"its network cannot be made: {type(error).__name__}: {error!s:.200}") from error
        return network

    def _require_the_best(self) -> None:
        # A file of another run, copied over this one, would be scored under this run's name.
        best = self._last_state.get("best_network")
        if isinstance(best, list) and checkpoint.read_head(self.path / BEST)[1] != best[1]:
            raise RunInvalid(
                f"{self.path / BEST} is not the network of epoch {best[0] + 1}, which {LAST} names as the best",
                fix="resume the run with weakseg train --resume, which restores it if it can; or use the last "
                "network, with --last where a command has it",
            )

    def predictor(self, device: str = "cpu", network: NetworkSpec | None = None, which: str = "best") -> Predictor:
        """The predictor of a checkpoint's network."""
        recorded = self.record.get("numbers", [])
        numbers = tuple(recorded) if isinstance(recorded, (list, tuple)) else (recorded,)
        if not all(type(number) is int for number in numbers) or len(numbers) not in (0, len(self.classes)):
            raise damaged(self.path, f"its numbers are {numbers!r:.200}")
        void = self.record.get("void", 255)
        if type(void) is not int:
            raise damaged(self.path, f"its void is {void!r:.200}")
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
    """Open a run folder for reading.

    Nothing is executed, unless `recipe` names a file to run.

    Args:
        path: the folder.
        recipe: the Python file of its recipe, for parts that only the user's own code can make.

    Raises:
        RunInvalid: the folder is no run folder, its record cannot be read, or the recipe is another run's.
        RecipeInvalid: the recipe does not run.
    """
    run = Run(Path(path), read_record(Path(path)))
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


def load(
    path: Path | str,
    device: str = "cpu",
    network: NetworkSpec | None = None,
    recipe: Path | str | None = None,
    revision: str | None = None,
) -> Predictor:
    """The predictor of a run's best network.

    For example `weakseg.load("runs/hearts").labels(image)`, or `weakseg.load("owner/hearts")` for a run on the Hugging
    Face hub. Nothing that is downloaded is executed.

    A network of the user's own must be given as `network`, or made by the file `recipe`, which is run.

    `revision` pins a commit of the hub; `None` is the newest one.
    """
    return open_run(here(path, revision), None if recipe is None else Path(recipe)).predictor(device, network)


def keep_crf(path: Path, crf: DenseCRF) -> None:
    """Save the CRF that was tuned for a run."""
    _write_text(path / "crf.json", json.dumps(encode(crf), indent=1) + "\n")


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
