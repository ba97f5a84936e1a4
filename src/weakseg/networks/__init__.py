"""Networks and their specifications."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("networks")  # pyright: ignore[reportUnsupportedDunderAll]
