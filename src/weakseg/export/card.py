"""The model card of a run: what its labels cost, how it was trained, and where it fails."""

import json
import math
import re
from collections.abc import Iterator

from weakseg.errors import WeaksegError
from weakseg.evaluation.scores import Scores
from weakseg.export.about import About
from weakseg.finding import some
from weakseg.runs.datasets import Run, trained_seconds
from weakseg.runs.scores import evaluation

_WORST = 3
"""Number of images, and of classes, that are said to be the worst."""
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_LICENCE_ID = re.compile(r"[a-z0-9.-]+")


def card(run: Run, about: About, name: str) -> str:
    """The card as Markdown, with the head that the hub reads.

    Args:
        run: the run.
        about: what is known of it.
        name: its name on the hub.
    """
    scores = _scores(run)
    parts = [_head(about, scores, name), f"# {name.rpartition('/')[2]}\n"]
    parts += [_what(run, about, name), _drawn(about), _protocol(run), _scored(scores), _certificates(run)]
    parts += [_failures(scores), f"## Licence of the weights that the training began from\n\n{_base(about)}\n"]
    return "\n".join(part for part in parts if part)


def _scores(run: Run) -> Scores | None:
    try:
        return evaluation(run)
    # Without validation images, or where they have moved, there is nothing to say.
    except WeaksegError:
        return None


def _head(about: About, scores: Scores | None, name: str) -> str:
    lines = ["---", "library_name: weakseg", "pipeline_tag: image-segmentation"]
    # Anything else would be refused by the hub, and stands in the text below.
    if about.base_weights and _LICENCE_ID.fullmatch(about.licence):
        lines.append(f"license: {about.licence}")
    if _HUB_NAME.fullmatch(about.base_weights):
        lines.append(f"base_model: {about.base_weights}")
    lines += ["tags:", "- weakseg", "- weak-supervision"]
    if scores is not None:
        lines += ["model-index:", f"- name: {json.dumps(name)}", "  results:", "  - task:"]
        lines += ["      type: image-segmentation", "    dataset:", "      name: validation images of the run"]
        lines += ["      type: own", "    metrics:"]
        for kind, value in (("mean_iou", scores.mean_iou()), ("dice", scores.mean_dice())):
            if not math.isnan(value):
                lines += [f"    - type: {kind}", f"      value: {value:.4f}"]
    return "\n".join([*lines, "---", ""])


def _what(run: Run, about: About, name: str) -> str:
    return (
        f"A semantic segmentation network of {len(run.classes)} classes ({', '.join(run.classes.names)}), trained with"
        f" weakseg from {about.labels}.\n\n```python\nimport weakseg\n\n"
        f'predictor = weakseg.load("{name}")  # revision="..." pins a commit; nothing is executed\n'
        'predictor.predict("image.png").save("mask.png")\n```\n'
    )


def _drawn(about: About) -> str:
    title, counts = "## What was drawn\n", about.counts
    if counts is None:
        return f"{title}\nNot counted: {about.labels}.\n"
    rows = ["| class | labelled pixels | images with marks | boxes | tagged images |", "|---|---|---|---|---|"]
    for label, name in enumerate(counts.classes.names):
        share = counts.marked_pixels[label] / max(counts.valid_pixels, 1)
        numbers = (counts.marked_images[label], counts.boxes[label], counts.tagged_images[label])
        rows.append(f"| {name} | {share:.3%} | {' | '.join(map(str, numbers))} |")
    total = f"{counts.labelled_share:.2%} of the pixels of {counts.images} images are labelled;"
    return "\n".join([title, f"{total} {counts.unmarked} images have no labelled pixel.\n", *rows, ""])


def _protocol(run: Run) -> str:
    recipe, record = run.recipe, run.record
    said = {
        "Network": repr(recipe.network),
        "Method": str(record.get("method") or "see run.json"),
        "Epochs": f"{len(run.metrics)} in {trained_seconds(run) / 60:.0f} minutes; {recipe.batch_size} images per step",
        "Random seed": f"{recipe.seed}, one run: no spread over seeds is known",
        "Scores are": "at native resolution, single scale, without flips; of the checkpoint that validated best, which "
        "favours them a little",
        "Versions": ", ".join(f"{key} {value}" for key, value in record.get("versions", {}).items()),
    }
    # A folder of this machine says nothing to others, and may be private.
    lines = [f"- {key}: {re.sub(r'(/[^/ ]+)+/', '', value)}" for key, value in said.items()]
    return "\n".join(["## Protocol\n", *lines, ""])


def _scored(scores: Scores | None) -> str:
    if scores is None:
        return "## Scores\n\nNone: there are no validation images with masks.\n"
    rows = ["| class | IoU | Dice |", "|---|---|---|"]
    for name, iou, dice in zip(scores.classes.names, scores.iou(), scores.dice(), strict=True):
        rows.append(f"| {name} | {_number(iou)} | {_number(dice)} |")
    rows.append(f"| mean | {_number(scores.mean_iou())} | {_number(scores.mean_dice())} |")
    said = f"\n{len(scores.keys)} images; pixel accuracy {_number(scores.pixel_accuracy())}.\n"
    return "\n".join(["## Scores\n", *rows, said])


def _certificates(run: Run) -> str:
    last = run.metrics[-1] if run.metrics else {}
    found = {name.removeprefix("solve_"): value for name, value in last.items() if name.startswith("solve_")}
    numbers = {name: value for name, value in found.items() if isinstance(value, float)}
    if not numbers:
        return ""
    rows = [f"| {name} | {value:.4g} |" for name, value in numbers.items()]
    head = "What stage A certified in the last epoch, means over its solves (`docs/theory.md` explains the names).\n"
    return "\n".join(["## Certificates\n", head, "| number | mean |", "|---|---|", *rows, ""])


def _failures(scores: Scores | None) -> str:
    if scores is None:
        return ""
    return "\n".join(["## Where it fails\n", *(f"- {line}" for line in _sentences(scores)), ""])


def _sentences(scores: Scores) -> Iterator[str]:
    classes = {name: iou for name, iou in zip(scores.classes.names, scores.iou().tolist(), strict=True) if iou == iou}
    worst = sorted(classes, key=lambda name: classes[name])[:_WORST]
    yield f"lowest IoU: {', '.join(f'{name} {classes[name]:.3f}' for name in worst)}"
    unseen = [name for name in scores.classes.names if name not in classes]
    if unseen:
        yield f"never judged, because no mask shows them: {some(unseen)}"
    images = sorted(value for value in scores.per_image().tolist() if value == value)
    if images:
        shown = ", ".join(f"{value:.3f}" for value in images[:_WORST])
        yield f"worst images: mIoU {shown}; half of all are below {images[len(images) // 2]:.3f}"
    total = scores.matrices.sum(0)
    wrong = [(int(total[i, j]), i, j) for i in range(len(total)) for j in range(len(total)) if i != j and total[i, j]]
    for count, truth, predicted in sorted(wrong, reverse=True)[:_WORST]:
        names = scores.classes.names
        yield f"{count / max(total[truth].sum(), 1):.1%} of {names[truth]} is taken for {names[predicted]}"


def _base(about: About) -> str:
    if not about.base_weights:
        return "None: the training began at random."
    return (
        f"`{about.base_weights.rpartition('/')[2] if about.base_weights.startswith('/') else about.base_weights}`: "
        + (about.licence)
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
