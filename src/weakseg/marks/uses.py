"""What each kind of shape becomes, and which class a name means."""

from dataclasses import dataclass
from unicodedata import normalize

from weakseg.errors import DataInvalid
from weakseg.marks.mark import KINDS

_OF_AREAS = ("region", "box", "tag", "ignore")
POSSIBLE = {
    "point": ("click", "tag", "ignore"),
    "line": ("scribble", "tag", "ignore"),
    **dict.fromkeys(("polygon", "box", "rotated_box", "ellipse", "mask"), _OF_AREAS),
}
"""What each kind of shape may become."""
NO_CLASS = "ignore"
"""What a name in annotation files may mean instead of a class."""


@dataclass(frozen=True)
class Uses:
    """What each kind of shape becomes.

    "click" labels one pixel, "scribble" the pixels near the line, "region" the pixels inside; "box" is the constraint
    that the class lies in the box and touches its sides; "tag" says that the class is present; "ignore" leaves the
    shape out.

    Raises:
        DataInvalid: a kind cannot become that; all problems at once.
    """

    point: str = "click"
    """Points and key points: "click", "tag" or "ignore"."""
    line: str = "scribble"
    """Open lines: "scribble", "tag" or "ignore"."""
    polygon: str = "region"
    """Polygons and closed freehand curves: "region", "box", "tag" or "ignore"."""
    box: str = "box"
    """Upright bounding boxes; as for polygons."""
    rotated_box: str = "tag"
    """Rotated bounding boxes; as for polygons. An object rarely fills its box, and no constraint for rotated boxes
    exists, so only the class is used."""
    ellipse: str = "region"
    """Ellipses and circles; as for polygons."""
    mask: str = "region"
    """Brushes, bitmaps and label layers; as for polygons. What was not painted stays unlabelled."""
    exceptions: tuple[tuple[str, str, str], ...] = ()
    """Triples (class, kind of shape, what it becomes) for single classes."""
    names: tuple[tuple[str, str], ...] = ()
    """Pairs (name in annotation files; class, or "ignore")."""

    def __post_init__(self):
        settings = [(kind, getattr(self, kind)) for kind in KINDS]
        problems = [
            DataInvalid(f"a {kind} cannot become '{use}'", expected=f"one of {', '.join(POSSIBLE[kind])}")
            for kind, use in [*settings, *((kind, use) for _, kind, use in self.exceptions)]
            if use not in POSSIBLE[kind]
        ]
        if problems:
            raise DataInvalid.of(problems)

    def use_of(self, name: str, kind: str) -> str:
        """What a shape of this name and kind becomes."""
        label = self.class_of(name)
        if label is None:
            return NO_CLASS
        own = [use for of, of_kind, use in self.exceptions if (of, of_kind) == (label, kind)]
        # The last of several says it, as later options on a command line do.
        return own[-1] if own else getattr(self, kind)

    def class_of(self, name: str) -> str | None:
        """The class that a name in a file means; `None` if it is ignored.

        Spaces at the ends are dropped, and letters with accents are one letter, as in `classes.txt`: else "cat" and
        "cat " would be two classes.
        """
        renamed = {_plain(given): label for given, label in self.names}
        label = _plain(renamed.get(_plain(name), name))
        return None if label == NO_CLASS and _plain(name) in renamed else label


def _plain(name: str) -> str:
    return normalize("NFC", name).strip()
