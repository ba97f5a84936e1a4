"""What annotation files hold beside the marks that are used: classes, and what was left out and why."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from weakseg.annotations.matched import Matched
from weakseg.finding import some
from weakseg.marks.uses import Uses


@dataclass(frozen=True)
class LeftOut:
    """Marks that became nothing, for one reason."""

    count: int
    kind: str
    """Their kind, in the file's own word."""
    reason: str
    first: str
    """Place of the first of them."""


def classes_of(found: Matched, uses: Uses) -> tuple[str, ...]:
    """The classes that the files declare, and those that were drawn without being declared."""
    names = (*found.annotations.classes, *_drawn(found), *tags_of(found))
    return tuple(dict.fromkeys(name for name in map(uses.class_of, names) if name is not None))


def names_of(found: Matched) -> Counter[str]:
    """How often each name is drawn or tagged on an image, as in the files."""
    return Counter(_drawn(found)) + tags_of(found)


def tags_of(found: Matched) -> Counter[str]:
    """Number of images that are tagged with each name."""
    return Counter(name for image in found.images.values() for name in (*image.present, *image.absent))


def never_drawn(found: Matched, uses: Uses) -> list[str]:
    """Names of tags, as in the files, whose class is drawn nowhere although others are: they may mean whole images."""
    drawn = {uses.class_of(name) for name in _drawn(found)} - {None}
    return [name for name in tags_of(found) if uses.class_of(name) not in (None, *drawn)] if drawn else []


def _drawn(found: Matched) -> Iterator[str]:
    return (mark.label for image in found.images.values() for mark in image.marks)


@dataclass(frozen=True)
class Account:
    """Everything that annotation files hold, and what became of it."""

    images: int
    """Number of images with an entry in the files."""
    without_marks: tuple[str, ...]
    """Keys of the other images."""
    without_image: tuple[tuple[str, int], ...]
    """Pairs (name, number of marks) of entries whose image is missing."""
    tags: Counter[str]
    """Number of images that are tagged with each name."""
    ignored: tuple[LeftOut, ...]
    """What became no mark, the most frequent reason first."""
    notes: tuple[str, ...]
    """Sentences on choices that were made while reading."""
    unknown: tuple[tuple[str, int], ...] = ()
    """Pairs (name, number of marks and tags) of names that mean no class."""
    became: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Number of marks by (name in the file, kind of shape, what they became)."""

    def left_out(self) -> Iterator[str]:
        """Sentences on everything that is not used."""
        if self.without_image:
            marks = sum(count for _, count in self.without_image)
            names = some([name for name, _ in self.without_image])
            yield f"Left out, because their images are missing: {marks:,} mark{'s' * (marks != 1)} on {names}."
        for each in self.ignored[:SHOWN]:
            yield f"Ignored: {each.count:,} of kind {each.kind}: {each.reason} (first: {each.first})."
        if len(self.ignored) > SHOWN:
            yield f"{len(self.ignored) - SHOWN} more reasons: --json lists all of them."


def account_of(found: Matched, keys: Iterable[str]) -> Account:
    """The account of annotations, before anything has become of the marks.

    Args:
        found: the annotations.
        keys: keys of all images.
    """
    reasons = Counter((each.kind, each.reason) for each in found.annotations.ignored)
    first = {(each.kind, each.reason): each.place for each in reversed(found.annotations.ignored)}
    return Account(
        images=len(found.images),
        without_marks=tuple(key for key in keys if key not in found.images),
        without_image=tuple((image.name, len(image.marks)) for image in found.without_image),
        tags=tags_of(found),
        ignored=tuple(LeftOut(count, *which, first[which]) for which, count in reasons.most_common()),
        notes=found.annotations.notes,
    )


SHOWN = 20
"""Most reasons that are put into sentences."""
