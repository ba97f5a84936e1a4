"""Checkpoints in safetensors: numbers and text only, written whole or not at all, with a digest of themselves."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from weakseg.errors import RunInvalid
from weakseg.files.regular_file import require_regular
from weakseg.files.whole_file import write_whole


def save(
    path: Path,
    network: nn.Module,
    optimizer: Optimizer | None = None,
    state: dict | None = None,
    averaged: nn.Module | None = None,
) -> str:
    """Write a network's weights; with an optimiser and a position in the training, all that is needed to go on.

    Args:
        path: the file.
        network: what is trained.
        optimizer: over its parameters.
        state: the position.
        averaged: the network with its averaged weights, where they are kept.

    Returns:
        The file's digest.
    """
    tensors = network_tensors(network)
    if averaged is not None:
        tensors |= network_tensors(averaged, "averaged")
    if optimizer is not None:
        tensors |= {f"optimizer.{name}": tensor for name, tensor in _optimizer_tensors(optimizer).items()}
    return write(path, tensors, state or {})


def write(path: Path, tensors: dict[str, Tensor], state: dict) -> str:
    """Write tensors, by `network.`, `averaged.` or `optimizer.` and their names there; returns the digest."""
    metadata = _metadata(tensors, state)
    write_whole(path, lambda part: _write(part, _unshared(tensors), metadata))
    return metadata["digest"]


def network_tensors(network: nn.Module, kind: str = "network") -> dict[str, Tensor]:
    """A network's weights by their names in a checkpoint."""
    return {f"{kind}.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}


def judged(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights that are scored and predict, as `network.`: a checkpoint's averaged ones, where it has them."""
    kind = "averaged." if any(name.startswith("averaged.") for name in tensors) else "network."
    return {f"network.{name.removeprefix(kind)}": t for name, t in tensors.items() if name.startswith(kind)}


def digest(tensors: dict[str, Tensor], state: dict) -> str:
    """What `save` returns for these, without writing anything."""
    return _metadata(tensors, state)["digest"]


def read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the position that `save` wrote.

    Raises:
        RunInvalid: the file is missing, cut, damaged or was changed after it was written.
    """
    require_regular(path, RunInvalid)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    state = _state(path, metadata)
    # Of versions before 0.1.0 there are checkpoints without a digest.
    if metadata.keys() & {"tensors", "digest"} and metadata.get("tensors") != _digest(tensors):
        raise _damaged(path, "its weights are not those that were written")
    return tensors, state


def read_head(path: Path) -> tuple[dict[str, Any], str]:
    """The position alone, without reading any tensor, and the digest that the file claims; empty where it has none.

    Raises:
        RunInvalid: the file is missing, or its head is cut, damaged or was changed after it was written.
    """
    require_regular(path, RunInvalid)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return _state(path, metadata), metadata.get("digest", "")


def _state(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    try:
        state = json.loads(metadata.get("state", "{}"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(state, dict):
        raise _damaged(path, "its position is no object")
    if "digest" in metadata and metadata["digest"] != _joined(metadata.get("state", ""), metadata.get("tensors", "")):
        raise _damaged(path, "its position is not the one that was written")
    return state


def _damaged(path: Path, why: object) -> RunInvalid:
    return RunInvalid(
        f"{path} is no checkpoint that can be read: {why}",
        fix="go on from the checkpoint before it with weakseg train --resume, or put the file back from a copy",
    )


def _metadata(tensors: dict[str, Tensor], state: dict) -> dict[str, str]:
    text, of_tensors = json.dumps(state), _digest(tensors)
    return {"state": text, "tensors": of_tensors, "digest": _joined(text, of_tensors)}


def _joined(state: str, tensors: str) -> str:
    return hashlib.sha256(f"{tensors} {state}".encode()).hexdigest()


def _digest(tensors: dict[str, Tensor]) -> str:
    said = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        said.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        said.update(tensor.reshape(-1).view(torch.uint8).numpy())  # pyright: ignore[reportArgumentType]
    return said.hexdigest()


def load_network(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put a checkpoint's weights, or what `judged` makes of them, into a network of the same architecture."""
    weights = {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise RunInvalid(
            f"{path} holds weights of another network: {str(error).splitlines()[-1].strip()}",
            fix="use the run's own recipe and network",
        ) from error


def load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor], path: Path) -> None:
    """Put a checkpoint's moments back into an optimiser over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    try:
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, index, moment = name.split(".", 2)
                state.setdefault(int(index), {})[moment] = tensor
        _insist_on_shapes(optimizer, state)
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (ValueError, LookupError, RuntimeError) as error:
        raise _damaged(path, f"its optimiser does not fit ({error})") from error


def _insist_on_shapes(optimizer: Optimizer, state: dict[int, dict[str, Tensor]]) -> None:
    """Moments of other parameters would be taken without a word, until a step fails or goes wrong."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, moments in state.items():
        if any(moment.ndim and moment.shape != parameters[index].shape for moment in moments.values()):
            raise ValueError("it is of other parameters than those that learn")


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


def best_state(epoch: int, fingerprint: str) -> dict:
    """What best.safetensors says besides its weights."""
    return {"fingerprint": fingerprint, "best_of_epoch": epoch}


def keep_under_another_name(source: Path, target: Path) -> None:
    """The same for a file whose name is about to be given to another one; without copying, where that is possible."""

    def write(part: Path) -> None:
        part.unlink()
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)

    write_whole(target, write)
