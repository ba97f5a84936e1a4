"""The range that images in memory have, [0, 1]."""

from weakseg.errors import EvidenceInvalid

SLACK = 0.25
"""Largest distance of an image's values from [0, 1]: interpolation and changes of light overshoot a little."""


def refuse_outside(low: float, high: float, strange: int, name: str) -> None:
    """Raise `EvidenceInvalid` for values that are not in [0, 1].

    Args:
        low: the least of them; nan where one is.
        high: the largest.
        strange: the number of those that are nan or infinite.
        name: what they are, for the message.
    """
    if low >= -SLACK and high <= 1 + SLACK:
        return
    if strange:
        raise EvidenceInvalid(
            f"{name} holds {strange} values that are nan or infinite",
            expected="finite values in [0, 1]",
            fix="replace them by a number, and make `valid` False on pixels that must not be evaluated",
        )
    raise EvidenceInvalid(
        f"{name} holds values from {low:.4g} to {high:.4g}",
        expected="values in [0, 1]",
        fix="divide by the largest possible value (255 for 8 bits), and give images without the mean subtracted:"
        " networks normalise for themselves",
    )
