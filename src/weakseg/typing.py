"""The protocols that parts of a recipe follow."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("typing")  # pyright: ignore[reportUnsupportedDunderAll]
