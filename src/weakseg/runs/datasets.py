"""The data sets of a run, and its protocol."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from weakseg.data.sample import Dataset
from weakseg.errors import RunInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.types import Classes


@runtime_checkable
class Run(Protocol):
    """A run on disk, as `open_run` returns it."""

    @property
    def path(self) -> Path:
        """The run's folder."""
        ...

    @property
    def name(self) -> str:
        """The folder's name."""
        ...

    @property
    def record(self) -> dict[str, Any]:
        """The contents of `run.json`."""
        ...

    @property
    def classes(self) -> Classes:
        """The classes the network was trained on."""
        ...

    @property
    def recipe(self) -> Any:
        """The recipe of the run.

        Parts that only the user's own code can make are texts.
        """
        ...

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """One dict per epoch.

        Each has loss, learning rate and seconds and, where the epoch was validated, the scores.
        """
        ...

    @property
    def rebuilding(self) -> str:
        """The advice for a part that only user code makes."""
        ...

    def predictor(self, device: str = "cpu", *, which: str = "best") -> Predictor:
        """The predictor of the `best` or `last` network."""
        ...


def dataset(run: Run, part: str) -> Dataset:
    """The `training` or `validation` images of a run.

    Raises:
        RunInvalid: the run has none, or only the user's own code can make them.
        DataInvalid: they have moved since the run was started.
    """
    images = getattr(run.recipe, part)
    if images is None or isinstance(images, Dataset) and not len(images):
        raise RunInvalid(f"{run.path} has no {part} images", fix=f"give its recipe a {part} set")
    if not isinstance(images, Dataset):
        raise RunInvalid(
            f"the {part} images of {run.path} were made by your own code ({images!r})",
            fix=run.rebuilding,
        )
    return images


def trained_seconds(run: Run) -> float:
    """The wall-clock time of all epochs, in seconds."""
    return sum((line["seconds"] for line in run.metrics), 0.0)
