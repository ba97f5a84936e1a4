"""Which class was taken for which: the one table every score is computed from."""

import numpy as np
from jaxtyping import Int

from weakseg.errors import EvidenceInvalid
from weakseg.types import UNLABELED


def confusion(
    truth: Int[np.ndarray, "H W"], predicted: Int[np.ndarray, "H W"], n_classes: int
) -> Int[np.ndarray, "C C"]:
    """Pixels of true class (row) that were given class (column); pixels whose truth is `UNLABELED` do not count.

    Raises:
        EvidenceInvalid: a counted pixel has a class outside 0 .. n_classes - 1.
    """
    counted = truth != UNLABELED
    rows, columns = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    for name, values in (("truth", rows), ("prediction", columns)):
        # A value out of range would be counted in another class's cell without any error.
        if ((values < 0) | (values >= n_classes)).any():
            found = f"the {name} holds class {values.min()} to {values.max()}"
            raise EvidenceInvalid(found, expected=f"0 to {n_classes - 1}")
    return np.bincount(rows * n_classes + columns, minlength=n_classes**2).reshape(n_classes, n_classes)
