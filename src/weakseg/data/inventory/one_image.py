"""Checks of one image and all its labels."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from weakseg.data.folder.annotated import SOURCE, with_marks
from weakseg.data.folder.folder import read_values, sample_of_tables
from weakseg.data.images.image_file import decode
from weakseg.data.images.orientation import AS_STORED
from weakseg.data.images.value_range import Held
from weakseg.data.inventory.agreement import Compared, compare_map, compare_tables
from weakseg.data.inventory.contradictions import contradictions_of_marks, contradictions_of_tables
from weakseg.data.inventory.in_place import Marked
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.statistics import LabelCounts, count, count_pixels
from weakseg.data.label_values.convention import UNDECLARED
from weakseg.data.label_values.habits import Values, values_of
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid
from weakseg.files.layout import MASKS
from weakseg.finding import Finding, findings_of
from weakseg.types import UNLABELED, UNTOLD

Labels = Int[np.ndarray, "H W"]


@dataclass(frozen=True)
class Look:
    """The result of checking one image."""

    findings: tuple[Finding, ...]
    readable: bool
    """Whether the image and its label maps can be read."""
    labelled: bool
    """Whether it has any label; True if its labels cannot be read."""
    pixels: bytes = b""
    """Digest of the pixels, equal for equal images; empty if it cannot be read."""
    channels: int = 0
    """Number of channels; 0 if it cannot be read."""
    size: tuple[int, ...] = ()
    """Numbers of rows and columns."""
    held: Held | None = None
    """The extremes of the values in the image file; `None` for eight bits."""
    counts: dict[str, LabelCounts] = field(default_factory=dict)
    """Label counts of each source, named as in `Statistics.counts`."""
    compared: dict[str, Compared] = field(default_factory=dict)
    """Comparison of each source with the mask."""
    undeclared: dict[str, Values] = field(default_factory=dict)
    """Values of label maps with undeclared ones, by source."""
    orientation: int = AS_STORED
    """EXIF orientation of the image file."""
    clear: float = 0.0
    """Fraction of fully transparent pixels, in [0, 1]."""
    tags: Int[np.ndarray, " C"] | None = None
    """Tags that annotation files give; `None` if they say nothing of the image."""
    became: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Number of marks of annotation files by (name, kind, what they became)."""


Looks = dict[str, Look]
"""Results of checking images, by key."""


def look(inventory: Inventory, key: str) -> Look:
    """Check one image and all its labels."""
    contents, findings = inventory.contents, []
    path = contents.images[key]
    read = _tried(findings, key, path, decode, path, contents.legend.declaration.reading)
    layers, undeclared = _layers(inventory, key, None if read is None else read.image.shape[1:], findings)
    sound = not findings and not undeclared
    if read is None:
        return Look(tuple(findings), sound, True, undeclared=undeclared)
    image = read.image
    # With classes that cannot be read, values mean nothing, and every map would be reported as wrong.
    if not inventory.judged:
        return Look(tuple(findings), sound, True, _digest(image), len(image), held=read.held, undeclared=undeclared)
    names = contents.legend.classes.names
    if read.empty is not None:
        # What is labelled where the image has no data is neither right nor wrong.
        layers = {source: np.where(read.empty, UNLABELED, labels) for source, labels in layers.items()}
    said = sample_of_tables(contents, key, read, layers.get(MASKS))
    findings += contradictions_of_tables(inventory.root, said, names)
    for source, labels in layers.items():
        if source != MASKS or key in contents.fully_labelled:
            findings += contradictions_of_marks(inventory.layers[source][key], labels, said, names)
    drawn = [*layers.values()]
    marked, told = Marked.of(contents, said), said
    counts, compared = _counts(inventory, said, layers), _compared(key in contents.fully_labelled, said, layers)
    if marked is not None:
        findings += marked.findings(contents, said)
        drawn.append(marked.drawn)
        counts |= marked.counts(contents)
        compared |= marked.compared(None if key in contents.fully_labelled else layers.get(MASKS))
        told = with_marks(said, marked.labels)
    unread = SOURCE in inventory.unread
    return Look(
        findings=tuple(findings),
        readable=sound,
        labelled=unread or not sound or _tells(told) or any((labels != UNLABELED).any() for labels in drawn),
        pixels=_digest(image),
        channels=len(image),
        size=image.shape[1:],
        held=read.held,
        counts=counts,
        compared=compared,
        undeclared=undeclared,
        orientation=read.orientation,
        clear=read.clear,
        tags=None if marked is None else marked.labels.tags,
        became=Counter() if marked is None else marked.became(contents),
    )


def _tried(findings: list[Finding], key: str, file: Path, read: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `read(*arguments)`, or `None` and a finding."""
    try:
        return read(*arguments)
    except DataInvalid as error:
        findings += findings_of(error, file, "export the file again", (key,))


def _layers(
    inventory: Inventory, key: str, size: tuple[int, ...] | None, findings: list[Finding]
) -> tuple[dict[str, Labels], dict[str, Values]]:
    """The valid label maps of an image, by source.

    The second result has the values of maps with undeclared ones.
    """
    legend, layers, undeclared = inventory.contents.legend, {}, {}
    for source, maps in inventory.layers.items():
        if key not in maps:
            continue
        raw = _tried(findings, key, maps[key], read_values, maps[key], legend, source, size)
        if raw is None or not inventory.judged:
            continue
        convention = legend.convention(source)
        labels = convention.labels(raw, legend.becomes)
        if labels.min(initial=0) == UNDECLARED:
            undeclared[source] = values_of(raw, labels == UNDECLARED, convention.nothing)
        else:
            layers[source] = labels
    return layers, undeclared


def _compared(full: bool, said: Sample, layers: dict[str, Labels]) -> dict[str, Compared]:
    """Each source compared with the mask.

    Tables are left out if the mask is a training label, because their contradictions are then reported one by one.
    """
    if (mask := layers.get(MASKS)) is None:
        return {}
    maps = {source: compare_map(labels, mask) for source, labels in layers.items() if source != MASKS}
    return maps if full else {**maps, **dict(compare_tables(said, mask))}


def _tells(said: Sample) -> bool:
    return bool(said.strokes or len(said.boxes) or (said.tags != UNTOLD).any() or (said.areas != [0, 1]).any())


def _counts(inventory: Inventory, said: Sample, layers: dict[str, Labels]) -> dict[str, LabelCounts]:
    """The label counts of each source on this image.

    A source without a label counts it as unlabelled.
    """
    classes = inventory.contents.legend.classes
    each = {source: count_pixels(layers.get(source, said.seeds), said.valid, classes) for source in inventory.layers}
    return {**each, "tables": count(said, classes)} if inventory.tables else each


def _digest(image: Float[np.ndarray, "M H W"]) -> bytes:
    # The shape is hashed too, because an image and its transpose may have the same bytes.
    return blake2b(np.ascontiguousarray(image).data, digest_size=16, person=str(image.shape).encode()[:16]).digest()
