"""Simulated annotators, from full masks."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("simulate")  # pyright: ignore[reportUnsupportedDunderAll]
