"""Devices by name."""

import torch

from weakseg.errors import RecipeInvalid


def best_device() -> str:
    """The default device: a GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def usable(name: str) -> torch.device:
    """A device of this machine by its name.

    Names are `cpu`, `cuda`, `cuda:1` and `mps`.

    Raises:
        RecipeInvalid: this machine has no such device.
    """
    try:
        device = torch.device(name)
        # Other devices, such as `meta`, exist everywhere and compute nothing.
        if device.type not in ("cpu", "cuda", "mps"):
            raise RuntimeError("networks cannot run on it")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise RecipeInvalid(
            f"device {name!r} cannot be used here: {str(error).splitlines()[0]}",
            expected="cpu, cuda, cuda:N or mps",
            fix="give a device of this machine, or leave --device out",
        ) from error
    return device
