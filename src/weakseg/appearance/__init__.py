"""Appearance: costs from colours and places, for any solver."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("appearance")  # pyright: ignore[reportUnsupportedDunderAll]
