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
    """The validation scores of a run's best network.

    Those in `evaluation.json` are taken if they are of these weights; otherwise the network is evaluated.

    Raises:
        RunInvalid: the run has no validation images, or no weights.
        DataInvalid: the images have moved since the run was started, or have no masks.
    """
    kept = kept_scores(run.path / "evaluation.json")
    same_images = kept.get("keys") == list(dataset(run, "validation").keys)
    if same_images and kept.get("weights") == _fingerprint(run.path / "best.safetensors"):
        scores = _sound_scores(kept)
        if scores is not None and scores.classes == run.classes:
            return scores
    return evaluate_run(run, progress=progress)


def evaluate_run(
    run: Run,
    which: str = "best",
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
    crf: DenseCRF | None = None,
) -> Scores:
    """The scores of a run's network, evaluated now.

    It is the `best` or the `last` network, on the validation images as they are now.

    The scores of the best network without a CRF are kept in `evaluation.json`.

    Raises:
        RunInvalid: the run has no validation images, or no weights.
        DataInvalid: the images have moved since the run was started, or have no masks.
    """
    weights = _fingerprint(run.path / f"{which}.safetensors")
    predictor = replace(run.predictor(device, which=which), crf=crf)
    scores = evaluate(predictor, dataset(run, "validation"), WIDTHS_PX, progress)
    if which == "best" and crf is None:
        content = {"weights": weights, **scores.to_json()}
        text = json.dumps({**content, "digest": _digest(content)}, allow_nan=False)
        try:
            write_whole(run.path / "evaluation.json", lambda part: part.write_text(text, encoding="utf-8"))
        except WriteRefused as error:
            # The evaluation took minutes, so its result is returned although it cannot be kept.
            print(f"weakseg: the scores were not saved: {error.found}", file=sys.stderr)
    return scores


def _sound_scores(kept: dict) -> Scores | None:
    """The scores in a file; `None` where it was changed.

    They can be computed again.
    """
    content = {name: value for name, value in kept.items() if name != "digest"}
    # Earlier versions wrote no digest.
    if kept.get("digest", _digest(content)) != _digest(content):
        return None
    try:
        scores = Scores.from_json(kept)
        sizes = {len(scores.keys), len(scores.volumes), *map(len, (scores.matrices, *scores.trimap.values()))}
        return scores if len(sizes) == 1 and scores.summary else None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        return None


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def kept_scores(file: Path) -> dict:
    """The contents of a score file; empty where it is damaged.

    An empty answer stands for a missing file too, since scores can be computed again.
    """
    try:
        content = json.loads(read_text(file))
    except (DataInvalid, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _fingerprint(path: Path) -> str:
    if not path.is_file():
        raise RunInvalid(f"{path} is missing", fix="resume with weakseg train --resume until the first checkpoint")
    with open_regular(path, RunInvalid) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
