"""Where networks run, by the names people give."""

import torch

from weakseg.errors import RecipeInvalid


def best_device() -> str:
    """The device that commands take where none is named: a GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def usable(name: str) -> torch.device:
    """A device of this machine: `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        RecipeInvalid: there is no such device here.
    """
    try:
        device = torch.device(name)
        # Others, such as `meta`, can be made anywhere and compute nothing.
        if device.type not in ("cpu", "cuda", "mps"):
            raise RuntimeError("no network is run on it")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise RecipeInvalid(
            f"device {name!r} cannot be used here: {str(error).splitlines()[0]}",
            expected="cpu, cuda, cuda:N or mps",
            fix="name a device of this machine, or leave --device out",
        ) from error
    return device
