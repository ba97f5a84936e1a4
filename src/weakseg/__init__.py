"""weakseg: train a segmentation network from labels that are cheap to draw.

`import weakseg` stays light: what needs torch, transformers or accelerate is loaded when it is used.
"""

import os
from importlib import import_module

from weakseg.homes import HOMES as _HOMES

# Before torch is imported: its threads would spin long where they wait for each other, and so keep the cores from those
# that they wait for as soon as anything else runs on the machine (docs/performance.md).
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & {*os.environ}:
    os.environ["GOMP_SPINCOUNT"] = "1000"

__version__ = "0.1.0"

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'weakseg' has no attribute '{name}'")
    from weakseg.field_docs import documented

    return documented(getattr(import_module(f"weakseg.{_HOMES[name]}"), name))


def __dir__():
    return [*__all__, "__version__"]
