"""weakseg: train a segmentation network from labels that are cheap to draw.

`import weakseg` stays light: what needs torch, transformers or accelerate is loaded when it is used.
"""

import os

from weakseg.homes import DOORS, opened

# Before torch is imported: its threads would spin long where they wait for each other, and so keep the cores from those
# that they wait for as soon as anything else runs on the machine (docs/performance.md).
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & {*os.environ}:
    os.environ["GOMP_SPINCOUNT"] = "1000"

__version__ = "0.1.0"

__all__, __getattr__, _ = opened("")  # pyright: ignore[reportUnsupportedDunderAll]


def __dir__():
    return [*__all__, *(door for door in DOORS if door), "__version__"]
