"""Answers to Label Studio: pre-annotations by a network, and stage A from key points and boxes.

Label Studio sends tasks and its labelling interface; brushes come back, one for each class.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from jaxtyping import Float, Int

from weakseg.annotations.names import ImageNames
from weakseg.constraints.boxes import BoxesTight, NothingOutsideBoxes
from weakseg.constraints.linear_rows import All
from weakseg.data.images.image_file import EXTENSIONS, read_image
from weakseg.data.sample import Sample
from weakseg.data.soft_target import SoftTarget, soft_labels
from weakseg.data.stroke import draw_into
from weakseg.errors import DataInvalid
from weakseg.evaluation.image_input import fitted
from weakseg.evaluation.predictor import Predictor
from weakseg.formats.tools.label_studio import marks_of
from weakseg.formats.writers.label_studio import brushes
from weakseg.formats.writers.segmented import Segmented
from weakseg.joint.joint_projection import JointProjection
from weakseg.marks.labels import labels_of
from weakseg.marks.mark import Ignored
from weakseg.marks.uses import Uses
from weakseg.recipe.method import methods
from weakseg.train.hidden_segmentation import hidden_segmentation
from weakseg.train.update_targets import fit_in
from weakseg.types import UNLABELED

_MOST_TASKS = 100


@dataclass(frozen=True)
class Interface:
    """The part of a labelling interface that brushes need."""

    control: str
    """Name of its BrushLabels."""
    image: str
    """Name of its Image."""
    value: str
    """Entry of a task that names the image; empty if it is unknown."""
    labels: tuple[str, ...]


def interface_of(config: str) -> Interface:
    """The brushes of a labelling interface.

    Raises:
        DataInvalid: it is damaged, or has no brushes.
    """
    try:
        root = fromstring(config)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise DataInvalid(f"the labelling interface is no XML: {error}") from error
    brush = next(iter(root.iter("BrushLabels")), None)
    if brush is None or not brush.get("name") or not brush.get("toName"):
        raise DataInvalid(
            "the labelling interface has no BrushLabels",
            expected='<BrushLabels name="tag" toName="image"> with a <Label value="..."/> for each class',
            fix="add it to the project's settings, Labeling Interface, Code",
        )
    names = tuple(str(label.get("value")) for label in brush.iter("Label"))
    image = next((each for each in root.iter("Image") if each.get("name") == brush.get("toName")), None)
    value = "" if image is None else str(image.get("value") or "").removeprefix("$")
    return Interface(str(brush.get("name")), str(brush.get("toName")), value, names)


@dataclass(frozen=True)
class Backend:
    """A network that answers Label Studio."""

    predictor: Predictor
    images: ImageNames
    """The images, by the names that Label Studio gives them."""
    version: str

    def predict(self, request: dict[str, Any]) -> dict[str, Any]:
        """The body of an answer to `/predict`.

        Raises:
            DataInvalid: the request is damaged, or an image is not there.
        """
        tasks, interface = request.get("tasks"), interface_of(str(request.get("label_config") or ""))
        if not isinstance(tasks, list) or not 0 < len(tasks) <= _MOST_TASKS or not all(map(_is_task, tasks)):
            raise DataInvalid("the request has no list of tasks", expected=f"1 to {_MOST_TASKS}, each with its data")
        params = request.get("params")
        context = params.get("context") if isinstance(params, dict) else None
        drawn = context.get("result") if isinstance(context, dict) else None
        if drawn is not None and not (isinstance(drawn, list) and all(isinstance(each, dict) for each in drawn)):
            raise DataInvalid("the context of the request is damaged")
        return {"results": [self._answer(task, interface, drawn or []) for task in tasks]}

    def _answer(self, task: dict[str, Any], interface: Interface, drawn: list[dict[str, Any]]) -> dict[str, Any]:
        path = self._path(task["data"], interface)
        image = fitted(read_image(path, self.predictor.reading), self.predictor.channels, path.name)
        probs = self.predictor(image)
        wanted = {*interface.labels}
        if drawn:
            labels = self._stage_a(image, probs, drawn, path.name)
            # While a class is drawn, the others are none of the annotator's business.
            wanted &= {str(name) for each in drawn for name in _names_in(each)}
        else:
            labels = probs.argmax(0)
        classes = self.predictor.classes.names
        shown = [label for label, name in enumerate(classes) if name in wanted]
        # Classes that the interface lacks have no brush to be shown with.
        labels = np.where(np.isin(labels, shown), labels, UNLABELED)
        found = [*brushes(Segmented(path.name, labels), classes, interface.control, interface.image)]
        return {"result": found, "score": float(probs.max(0).mean()), "model_version": self.version}

    def _path(self, data: dict[str, Any], interface: Interface) -> Path:
        # The entry that the interface shows first; tasks may name other files too.
        texts = [data.get(interface.value), *data.values()] if interface.value else [*data.values()]
        for text in texts:
            if isinstance(text, str) and (key := self.images.key(text)) is not None:
                return self.images.images[key]
        raise DataInvalid(
            f"the image of the task is not in the folder of --images: {json.dumps(data)[:200]}",
            fix="give the folder that holds it; Label Studio keeps uploaded files in media/upload of its data folder",
        )

    def _stage_a(
        self, image: Float[np.ndarray, "M H W"], probs: Float[np.ndarray, "C H W"], drawn: list[dict], name: str
    ) -> Int[np.ndarray, "H W"]:
        """The segmentation that agrees best with what was drawn, the network, edges and colours."""
        classes, size = self.predictor.classes, (image.shape[1], image.shape[2])
        ignored: list[Ignored] = []
        marks = marks_of(name, [(f"region {i}", each) for i, each in enumerate(drawn, 1)], lambda _: size, ignored)
        found = labels_of(marks, size, len(classes), _index(classes.names), Uses())
        if (problems := [*found.problems, *(DataInvalid(each.reason) for each in ignored)]) and not marks.marks:
            raise problems[0]
        seeds = found.seeds
        for click in found.clicks:
            draw_into(seeds, click.points, click.width_px, click.label)
        sample = Sample(
            key=name,
            image=image,
            seeds=seeds,
            valid=np.ones(size, bool),
            strokes=(),
            tags=found.tags,
            areas=np.tile(np.array([0.0, 1.0]), (len(classes), 1)),
            boxes=np.array(found.boxes, float).reshape(-1, 5),
            truth=None,
        )
        rules = All((NothingOutsideBoxes(), BoxesTight())) if found.boxes else None
        seeded = bool((seeds != UNLABELED).any())
        if not seeded and rules is None:
            return probs.argmax(0)
        solver = cast(JointProjection, fit_in(methods(rules, seeded, False, len(classes))["joint"].objective).solver)
        # An annotator who has clicked on one class has not said that there is no other.
        solver = replace(solver, only_classes_present=False)
        target, _ = hidden_segmentation(solver, sample, np.log(probs.clip(np.finfo(np.float32).tiny)), None)
        labels = soft_labels(target) if isinstance(target, SoftTarget) else target
        # What stage A leaves open is the network's.
        return np.where(labels == UNLABELED, probs.argmax(0), labels)


def _is_task(task: object) -> bool:
    return isinstance(task, dict) and isinstance(task.get("data"), dict)


def _names_in(result: dict[str, Any]) -> Iterator[str]:
    value = result.get("value")
    for kind, names in value.items() if isinstance(value, dict) else ():
        if kind.endswith("labels") and isinstance(names, list):
            yield from map(str, names)


def _index(names: tuple[str, ...]):
    def index(name: str) -> int:
        if name not in names:
            raise DataInvalid(f"'{name}' is no class of the network", expected=f"one of {', '.join(names)}")
        return names.index(name)

    return index


def images_in(folder: Path) -> ImageNames:
    """The images of a folder and of those in it.

    Raises:
        DataInvalid: there is none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())
    if not files:
        raise DataInvalid(f"{folder} has no images", fix="give the folder of the images that Label Studio shows")
    return ImageNames({path.relative_to(folder).as_posix(): path for path in files})
