"""Divergences of predictions from targets, per pixel."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("divergences")  # pyright: ignore[reportUnsupportedDunderAll]
