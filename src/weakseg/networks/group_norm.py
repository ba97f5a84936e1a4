"""Group normalisation that can be trained wherever it stands in a network, on a CPU.

Where its input asks for no gradient (an image, or what frozen layers made of one) and lies in memory with channels
last, torch 2.13 ends the process with a segmentation fault in the backward pass.
"""

from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class ContiguousGroupNorm(TorchFunctionMode):
    """While it is entered, such inputs are copied to have channels first; all others stay as they are.

    A mode, and no kind of layer, because networks call the function too.
    """

    needed: bool = False
    """Whether there was such an input."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Whatever is called."""
        kwargs = kwargs or {}
        if func in (F.group_norm, torch.group_norm):
            input, args = (args[0], args[1:]) if args else (kwargs.pop("input"), args)
            # Tensors with a gradient keep their layout: the backward pass of those works, and is quicker so.
            if not input.requires_grad and input.device.type == "cpu":
                self.needed, input = True, input.contiguous()
            args = (input, *args)
        return func(*args, **kwargs)
