"""Short `repr`s: arrays by type and shape."""

from dataclasses import fields
from typing import Any


def brief(self: Any) -> str:
    """The `repr` of a dataclass, with arrays shortened.

    An array is its dtype and shape: `float32[2, 3, 64, 64]`.
    """
    held = (f"{field.name}={_part(getattr(self, field.name))}" for field in fields(self))
    return f"{type(self).__name__}({', '.join(held)})"


def _part(value: Any) -> str:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{str(value.dtype).removeprefix('torch.')}[{', '.join(map(str, value.shape))}]"
    # Not of named tuples, whose own text says more.
    if isinstance(value, tuple) and type(value) is tuple:
        shown = [_part(each) for each in value[:_SHOWN]]
        more = [f"... {len(value)} in all"] if len(value) > _SHOWN else []
        return f"({', '.join([*shown, *more])}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_part(each)}' for key, each in value.items())}}}"
    return repr(value)


_SHOWN = 4
"""Number of entries of a tuple that are shown."""
