"""What colours and places say, for any solver that asks."""

from weakseg.homes import opened

__all__, __getattr__, __dir__ = opened("appearance")  # pyright: ignore[reportUnsupportedDunderAll]
