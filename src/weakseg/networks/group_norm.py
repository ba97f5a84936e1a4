"""Group normalisation that trains safely on a CPU.

Where the input needs no gradient (an image, or the output of frozen layers) and lies in memory with channels last,
torch 2.13 ends the process with a segmentation fault in the backward pass.
"""

from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class ContiguousGroupNorm(TorchFunctionMode):
    """A mode in which unsafe inputs are copied.

    Copies have channels first; all other inputs stay as they are.

    It is a mode and not a layer, because networks also call the function directly.
    """

    needed: bool = False
    """Whether an unsafe input was met."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a torch function with safe inputs."""
        kwargs = kwargs or {}
        if func in (F.group_norm, torch.group_norm):
            input, args = (args[0], args[1:]) if args else (kwargs.pop("input"), args)
            # Tensors with a gradient keep their layout, for which the backward pass works and is faster.
            if not input.requires_grad and input.is_cpu:
                self.needed, input = True, input.contiguous()
            args = (input, *args)
        return func(*args, **kwargs)
