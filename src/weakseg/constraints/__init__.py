"""Constraints from tags, sizes and boxes."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("constraints")  # pyright: ignore[reportUnsupportedDunderAll]
