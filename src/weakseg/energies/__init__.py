"""What makes a segmentation implausible."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("energies")  # pyright: ignore[reportUnsupportedDunderAll]
