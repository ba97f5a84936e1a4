"""Devices, precision and processes, through accelerate.

No other module imports accelerate.

The same training command runs on one CPU, one GPU or, under `torchrun` or `accelerate launch`, on many machines.
"""

import atexit
import os
from collections.abc import Iterable

import torch
from accelerate import Accelerator as Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast, gather_object
from torch import Tensor, nn

from weakseg.evaluation.device import best_device, usable


def start(device: str | None, bf16: bool) -> Accelerator:
    """An accelerator on a device.

    Names are `cpu`, `cuda`, `cuda:1` and `mps`; `None` is the best device there is.

    Raises:
        RecipeInvalid: the device does not exist on this machine.
    """
    kind = device or best_device()
    place = usable(kind)
    if place.type == "cuda" and place.index is not None:
        torch.cuda.set_device(place)
        # accelerate has no argument for the number of a GPU, but reads this variable.
        os.environ["ACCELERATE_TORCH_DEVICE"] = kind
    # The library keeps one state per process, and refuses a second training in another precision.
    AcceleratorState._reset_state()
    precision = "bf16" if bf16 and has_bf16(place) else "no"
    accelerator = Accelerator(cpu=place.type == "cpu", mixed_precision=precision)
    if accelerator.num_processes > 1:
        # Otherwise the communication threads outlive the interpreter, and may abort the process.
        atexit.unregister(_leave)
        atexit.register(_leave)
    return accelerator


def has_bf16(place: torch.device) -> bool:
    """Whether a device computes in bfloat16 without a detour.

    A CPU without such instructions takes about fifty times as long for a convolution as in float32.
    """
    known = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return place.type != "cpu" or known is None or known()


def _leave() -> None:
    """Leave the group of processes."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def prepare(accelerator: Accelerator, network: nn.Module, optimizer: torch.optim.Optimizer):
    """The network and optimiser, prepared by the accelerator.

    Statistics of batches are shared between processes where GPUs allow it.
    """
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    return accelerator.prepare(network, optimizer)


def agree_on(accelerator: Accelerator, tensors: Iterable[Tensor]) -> None:
    """Copy the first process's values to all, in place."""
    if accelerator.num_processes > 1:
        broadcast([*tensors])


def gathered(accelerator: Accelerator, value) -> list:
    """The values of all processes, in order of rank."""
    # `gather_object` pickles, but between processes of one training only; nothing from disk or network is loaded like
    # this.
    return [value] if accelerator.num_processes == 1 else gather_object([value])
