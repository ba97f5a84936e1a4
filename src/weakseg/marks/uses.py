"""What each kind of shape becomes, as `[marks]` of `dataset.toml` declares it."""

from dataclasses import dataclass

from weakseg.errors import DataInvalid
from weakseg.marks.mark import KINDS

_OF_AREAS = ("region", "box", "tag", "void", "ignore")
POSSIBLE = {
    "point": ("click", "tag", "ignore"),
    "line": ("scribble", "tag", "ignore"),
    **dict.fromkeys(("polygon", "box", "rotated_box", "ellipse", "mask"), _OF_AREAS),
}
"""What each kind of shape may become."""
NOT_CLASSES = ("void", "ignore")
"""What a name in annotation files may mean instead of a class."""


@dataclass(frozen=True)
class Uses:
    """What each kind of shape becomes.

    "click" labels one pixel, "scribble" the pixels near the line, "region" the pixels inside; "box" is the constraint
    that the class lies in the box and touches its sides; "tag" says that the class is present; "void" excludes the
    pixels inside from training; "ignore" leaves the shape out.

    Raises:
        DataInvalid: a kind cannot become that; all problems at once.
    """

    point: str = "click"
    """Points and key points: "click", "tag" or "ignore"."""
    line: str = "scribble"
    """Open lines: "scribble", "tag" or "ignore"."""
    polygon: str = "region"
    """Polygons and closed freehand curves: "region", "box", "tag", "void" or "ignore"."""
    box: str = "box"
    """Upright bounding boxes; as for polygons."""
    rotated_box: str = "tag"
    """Rotated bounding boxes; as for polygons. An object rarely fills its box, and no constraint for rotated boxes
    exists, so only the class is used."""
    ellipse: str = "region"
    """Ellipses and circles; as for polygons."""
    mask: str = "region"
    """Brushes, bitmaps and label layers; as for polygons. What was not painted stays unlabelled."""
    line_width_px: float | int = 3.0
    """Width of lines in pixels of the view that is trained on, where the file states none; above 0."""
    exceptions: tuple[tuple[str, str, str], ...] = ()
    """Triples (class, kind of shape, what it becomes) for single classes."""
    names: tuple[tuple[str, str], ...] = ()
    """Pairs (name in annotation files; class, or "void", or "ignore")."""

    def __post_init__(self):
        settings = [(kind, getattr(self, kind)) for kind in KINDS]
        problems = [
            DataInvalid(f"{kind} = '{use}' below [marks]", expected=f"one of {', '.join(POSSIBLE[kind])}")
            for kind, use in [*settings, *((kind, use) for _, kind, use in self.exceptions)]
            if use not in POSSIBLE[kind]
        ]
        if not 0 < self.line_width_px < 1e4:
            problems.append(DataInvalid(f"line_width_px = {self.line_width_px:g}", expected="a width above 0"))
        if problems:
            raise DataInvalid.of(problems)

    def use_of(self, name: str, kind: str) -> str:
        """What a shape of this name and kind becomes."""
        called = dict(self.names).get(name)
        if called in NOT_CLASSES:
            return called if called in POSSIBLE[kind] else "ignore"
        own = [use for of, of_kind, use in self.exceptions if (of, of_kind) == (self.class_of(name), kind)]
        return own[-1] if own else getattr(self, kind)

    def class_of(self, name: str) -> str:
        """The class that a name in a file means."""
        return dict(self.names).get(name, name)

    def is_class(self, name: str) -> bool:
        """Whether a name in a file means a class."""
        return dict(self.names).get(name) not in NOT_CLASSES
