"""Energies, which measure how implausible a segmentation is."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("energies")  # pyright: ignore[reportUnsupportedDunderAll]
