"""Checkpoints in safetensors: numbers and text only, written whole or not at all."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from weakseg.errors import RunInvalid
from weakseg.regular_file import require_regular
from weakseg.whole_file import write_whole


def save(path: Path, network: nn.Module, optimizer: Optimizer | None = None, state: dict | None = None) -> None:
    """A network's weights; with an optimiser and a position in the training, all that is needed to go on."""
    tensors = {f"network.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}
    if optimizer is not None:
        tensors |= {f"optimizer.{name}": tensor for name, tensor in _optimizer_tensors(optimizer).items()}
    metadata = {"state": json.dumps(state or {})}
    write_whole(path, lambda part: _write(part, _unshared(tensors), metadata))


def read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the position that `save` wrote."""
    require_regular(path, RunInvalid)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            return tensors, json.loads((file.metadata() or {}).get("state", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise RunInvalid(
            f"{path} is no checkpoint that can be read: {error}", mend="start again with another --out"
        ) from error


def load_network(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put a checkpoint's weights into a network of the same architecture."""
    weights = {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise RunInvalid(
            f"{path} holds weights of another network: {str(error).splitlines()[-1].strip()}",
            mend="use the run's own recipe and network",
        ) from error


def load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put a checkpoint's moments back into an optimiser over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, moment = name.split(".", 2)
            state.setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    try:
        save_file(tensors, path, metadata)
    except SafetensorError as error:
        # A full disk is an error of its own there, and no OSError.
        raise OSError(str(error)) from error


def _optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    return {
        f"{index}.{moment}": torch.as_tensor(value).contiguous()
        for index, moments in optimizer.state_dict()["state"].items()
        for moment, value in moments.items()
        if value is not None
    }


def _unshared(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies of tensors that share memory with another, which the format does not allow."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        if tensor.data_ptr() in seen and tensor.numel():
            tensors[name] = tensor.clone()
        seen.add(tensor.data_ptr())
    return tensors
