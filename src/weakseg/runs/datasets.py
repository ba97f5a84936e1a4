"""What a report needs of a run, and how it reads it."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from weakseg.data.sample import Dataset
from weakseg.errors import RunInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.types import Classes


@runtime_checkable
class Run(Protocol):
    """A training on disk, as `weakseg.runs.run.open_run` gives it."""

    @property
    def path(self) -> Path:
        """Its folder."""
        ...

    @property
    def name(self) -> str:
        """The folder's name."""
        ...

    @property
    def record(self) -> dict[str, Any]:
        """What its `run.json` says."""
        ...

    @property
    def classes(self) -> Classes:
        """The classes it was trained on."""
        ...

    @property
    def recipe(self) -> Any:
        """What was asked for; parts that only the user's own code can make are texts in its place."""
        ...

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """One dict an epoch: loss, learning rate, seconds and, where it was validated, the scores."""
        ...

    @property
    def rebuilding(self) -> str:
        """What to do about a part that only the user's own code can make."""
        ...

    def predictor(self, device: str = "cpu", *, which: str = "best") -> Predictor:
        """The `best` or `last` network."""
        ...


def dataset(run: Run, part: str) -> Dataset:
    """The `training` or `validation` images of a run.

    Raises:
        RunInvalid: it has none, or only the code that started it can make them.
        DataInvalid: they are not where they were.
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
    """Wall-clock time of all epochs."""
    return sum((line["seconds"] for line in run.metrics), 0.0)
