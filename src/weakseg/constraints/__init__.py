"""What tags, sizes and boxes demand of a segmentation."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("constraints")  # pyright: ignore[reportUnsupportedDunderAll]
