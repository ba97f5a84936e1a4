"""The protocol of readers: which files they know, and what is in them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from weakseg.errors import DataInvalid
from weakseg.formats.entry import Entry
from weakseg.marks.mark import Annotations, Ignored

Sizes = Callable[[str], tuple[int, int] | None]
"""(height, width) of the image that a file calls by this name, as viewers show it; `None` if there is no such image."""


@dataclass(frozen=True)
class Format:
    """A kind of annotation file.

    A reader raises nothing about single marks: each becomes a mark, or is `Ignored` with a reason. It fills no pixels.
    """

    name: str
    """Name of the tool or data set, for messages."""
    claims: Callable[[Entry], bool]
    """Whether a file is of this format, by its content; it may raise `DataInvalid` for damaged text."""
    read: Callable[[Sequence[Entry], Sizes], Annotations]
    """The annotations in all files of a folder or archive that the format claims."""
    ignores_exif: bool | None = None
    """Whether the program shows photos as they are stored; `None` if that is unknown, or differs between programs."""


def is_known(name: str, sizes: Sizes) -> bool:
    """Whether an image has this name; which of several is decided elsewhere."""
    try:
        return sizes(name) is not None
    except DataInvalid:
        return True


@contextmanager
def noted(ignored: list[Ignored], place: str, kind: str) -> Iterator[None]:
    """Note a damaged mark as ignored, in place of an error.

    Args:
        ignored: the list to add to.
        place: the place of the mark.
        kind: its kind, in the file's own word.
    """
    # Kinds come from the file and go to the terminal: a damaged one may be a megabyte long.
    kind = kind[:40]
    try:
        yield
    except DataInvalid as problem:
        ignored.append(Ignored(place, kind, problem.found))
    except KeyError as error:
        ignored.append(Ignored(place, kind, f"damaged: it has no {error.args[0]!r}"))
    except (TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        ignored.append(Ignored(place, kind, f"damaged: {str(error)[:80]}"))
