"""The scores of a run, kept beside its weights."""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import DataInvalid, RunInvalid, WriteRefused
from weakseg.evaluation.evaluate import evaluate
from weakseg.evaluation.scores import WIDTHS_PX, Scores
from weakseg.files.regular_file import open_regular, read_text
from weakseg.files.whole_file import write_whole
from weakseg.runs.datasets import Run, dataset


def evaluation(run: Run, progress: Callable[[int, int], None] = lambda done, total: None) -> Scores:
    """Scores of a run's best network: those kept in `evaluation.json` if they are of these very weights, else new ones.

    Raises:
        RunInvalid: the run has no validation images, or no weights.
        DataInvalid: the images are not where they were, or have no masks.
    """
    kept = what_is_kept(run.path / "evaluation.json")
    same_images = kept.get("keys") == list(dataset(run, "validation").keys)
    if same_images and kept.get("weights") == _fingerprint(run.path / "best.safetensors"):
        scores = _sound_scores(kept)
        if scores is not None and scores.classes == run.classes:
            return scores
    return judged(run, progress=progress)


def judged(
    run: Run,
    which: str = "best",
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
    crf: DenseCRF | None = None,
) -> Scores:
    """Scores of a run's `best` or `last` network on its validation images as they are now.

    Those of the best network alone, without a CRF, are kept in `evaluation.json`.

    Raises:
        RunInvalid: the run has no validation images, or no weights.
        DataInvalid: the images are not where they were, or have no masks.
    """
    weights = _fingerprint(run.path / f"{which}.safetensors")
    predictor = replace(run.predictor(device, which=which), crf=crf)
    scores = evaluate(predictor, dataset(run, "validation"), WIDTHS_PX, progress)
    if which == "best" and crf is None:
        said = {"weights": weights, **scores.to_json()}
        text = json.dumps({**said, "digest": _digest(said)}, allow_nan=False)
        try:
            write_whole(run.path / "evaluation.json", lambda part: part.write_text(text, encoding="utf-8"))
        except WriteRefused as error:
            # They took minutes, and whoever asked for them sees them all the same.
            print(f"weakseg: the scores are shown, and not kept: {error.found}", file=sys.stderr)
    return scores


def _sound_scores(kept: dict) -> Scores | None:
    """The scores that a file says; `None` where they were changed, for they can be made again."""
    said = {name: value for name, value in kept.items() if name != "digest"}
    # Files of earlier versions have no digest.
    if kept.get("digest", _digest(said)) != _digest(said):
        return None
    try:
        scores = Scores.from_json(kept)
        sizes = {len(scores.keys), len(scores.volumes), *map(len, (scores.matrices, *scores.trimap.values()))}
        return scores if len(sizes) == 1 and scores.summary else None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        return None


def _digest(said: dict) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def what_is_kept(file: Path) -> dict:
    """What a file of scores says; nothing where it is not there or damaged, for it can be made again."""
    try:
        said = json.loads(read_text(file))
    except (DataInvalid, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _fingerprint(path: Path) -> str:
    if not path.is_file():
        raise RunInvalid(f"{path} is missing", fix="train the run to its first checkpoint, with --resume")
    with open_regular(path, RunInvalid) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
