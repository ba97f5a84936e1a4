"""What can go wrong, as one tree; every message says what was found, what was expected and what to do.

WeaksegError
├── DataInvalid            an image, label file or data folder is missing, unreadable or contradicts itself
├── RecipeInvalid          a recipe cannot be loaded or says something impossible
├── RunInvalid             a run folder is taken, incomplete, or belongs to another recipe
├── WriteRefused           a file or folder could not be written; what was there before is untouched
├── NetworkUnavailable     a network's weights cannot be reached, or do not fit
└── EvidenceInvalid        what a solver or an objective was given has no answer (NaN logits, wrong shapes)
"""

from collections.abc import Sequence


class WeaksegError(Exception):
    """A mistake the caller can fix.

    Args:
        found: what is the case, naming the file, option or image.
        expected: what should be the case; empty when `found` already says it.
        fix: what to do about it.
    """

    def __init__(self, found: str, *, expected: str = "", fix: str = ""):
        self.found, self.expected, self.fix = found, expected, fix
        parts = [found, f"Expected: {expected}" if expected else "", f"To do: {fix}" if fix else ""]
        super().__init__("\n".join(part for part in parts if part))
        self.problems: tuple[WeaksegError, ...] = ()
        """The single problems, where this error tells of several at once; else empty."""

    def at(self, place: object) -> "WeaksegError":
        """The same mistake, with the file or line it is in named first."""
        return type(self)(f"{place}: {self.found}", expected=self.expected, fix=self.fix)

    @classmethod
    def of(cls, problems: Sequence["WeaksegError"]) -> "WeaksegError":
        """One error that tells of every problem; the problem itself where there is only one."""
        single = [part for problem in problems for part in problem.problems or (problem,)]
        if len(single) == 1:
            return single[0]
        joined = cls("\n\n".join([f"{len(single)} problems:", *map(str, single)]))
        joined.problems = tuple(single)
        return joined


class DataInvalid(WeaksegError):
    """An image, label file or data folder is missing, unreadable or contradicts itself."""


class RecipeInvalid(WeaksegError):
    """A recipe cannot be loaded or says something impossible."""


class RunInvalid(WeaksegError):
    """A run folder is taken, incomplete, or belongs to another recipe."""


class WriteRefused(WeaksegError):
    """A file or folder could not be written; what was there before is untouched."""


class NetworkUnavailable(WeaksegError):
    """A network's weights cannot be reached, or do not fit the task."""


class EvidenceInvalid(WeaksegError):
    """What a solver or an objective was given has no answer."""
