"""Datasets, and parts and mixtures of them."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("datasets")  # pyright: ignore[reportUnsupportedDunderAll]
