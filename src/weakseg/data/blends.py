"""Label maps whose values were blended: by resizing, turning, JPEG, or a soft brush.

A blend of two classes is a value between theirs, on a rim of one or two pixels between them.
"""

import numpy as np
from jaxtyping import Bool, Shaped


def between(raw: Shaped[np.ndarray, "H W *N"]) -> Bool[np.ndarray, "H W"]:
    """Pixels between two other values up to two pixels away, one on each side in their row or column.

    Args:
        raw: the values, or the channels of colours, which must all lie between.
    """
    channels = np.atleast_3d(raw)
    found = np.zeros(raw.shape[:2], bool)
    for turned, into in ((channels, found), (channels.swapaxes(0, 1), found.T)):
        for reach in (1, 2):
            if len(turned) <= 2 * reach:
                continue
            before, here, after = turned[: -2 * reach], turned[reach:-reach], turned[2 * reach :]
            inside = (np.minimum(before, after) <= here) & (here <= np.maximum(before, after))
            other = (before != here).any(2) & (here != after).any(2)
            into[reach:-reach] |= inside.all(2) & other
    return found
