"""Label maps whose values were blended: by resizing, turning, JPEG, or a soft brush.

A blend of two classes is a value between theirs, on a rim of one or two pixels between them.
"""

import numpy as np
from jaxtyping import Bool, Int


def between(raw: Int[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """Pixels between a smaller and a larger value two pixels away, one on each side in their row or column."""
    found = np.zeros(raw.shape, bool)
    for turned, into in ((raw, found), (raw.T, found.T)):
        for reach in (1, 2):
            if len(turned) <= 2 * reach:
                continue
            before, here, after = turned[: -2 * reach], turned[reach:-reach], turned[2 * reach :]
            into[reach:-reach] |= ((before < here) & (here < after)) | ((before > here) & (here > after))
    return found
