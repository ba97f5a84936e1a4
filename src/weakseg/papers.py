"""Baselines of papers, and their own settings."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("papers")  # pyright: ignore[reportUnsupportedDunderAll]
