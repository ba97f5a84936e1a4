"""The tree of errors that weakseg raises.

Every message states what was found, what was expected and what to do.

WeaksegError
├── DataInvalid            an image, label file or data folder is missing, unreadable or contradicts itself
├── RecipeInvalid          a recipe cannot be loaded, or a setting in it is impossible
├── RunInvalid             a run folder is in use, incomplete, or belongs to another recipe
├── WriteRefused           a file or folder could not be written; the previous contents are unchanged
├── NetworkUnavailable     a network's weights cannot be obtained, or do not fit the task
└── EvidenceInvalid        the input of a solver or objective is invalid (NaN logits, wrong shapes)
"""

from collections.abc import Sequence


class WeaksegError(Exception):
    """A mistake that the caller can fix.

    Args:
        found: the problem, with the name of the file, option or image.
        expected: the valid alternative; empty when `found` already implies it.
        fix: the action that resolves it.
    """

    def __init__(self, found: str, *, expected: str = "", fix: str = ""):
        self.found, self.expected, self.fix = found, expected, fix
        parts = [found, f"Expected: {expected}" if expected else "", f"To do: {fix}" if fix else ""]
        super().__init__("\n".join(part for part in parts if part))
        self.problems: tuple[WeaksegError, ...] = ()
        """The individual problems, when this error reports several at once; otherwise empty."""

    def at(self, place: object) -> "WeaksegError":
        """The same error, its message preceded by a file or line."""
        return type(self)(f"{place}: {self.found}", expected=self.expected, fix=self.fix)

    @classmethod
    def of(cls, problems: Sequence["WeaksegError"]) -> "WeaksegError":
        """One error that lists all the given problems.

        A single problem is returned as it is.
        """
        single = [part for problem in problems for part in problem.problems or (problem,)]
        if len(single) == 1:
            return single[0]
        joined = cls("\n\n".join([f"{len(single)} problems:", *map(str, single)]))
        joined.problems = tuple(single)
        return joined


class DataInvalid(WeaksegError):
    """An image, label file or data folder is invalid.

    It is missing, unreadable or contradicts itself.
    """


class RecipeInvalid(WeaksegError):
    """A recipe cannot be loaded, or a setting is impossible."""


class RunInvalid(WeaksegError):
    """A run folder is in use, incomplete or of another recipe."""


class WriteRefused(WeaksegError):
    """A file or folder could not be written.

    The previous contents are unchanged.
    """


class NetworkUnavailable(WeaksegError):
    """A network's weights are unavailable or do not fit."""


class EvidenceInvalid(WeaksegError):
    """The input of a solver or objective is invalid."""
