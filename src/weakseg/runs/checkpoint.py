"""Checkpoint files in the safetensors format.

They hold numbers and text only, are written whole or not at all, and carry a digest of themselves.
"""

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
    """Write a checkpoint, and return its digest.

    With an optimiser and a position in the training it holds all that is needed to resume.

    Args:
        path: the file.
        network: the network that is trained.
        optimizer: its optimiser; `None` leaves it out.
        state: the position in the training, as plain JSON.
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
    """Write named tensors, and return the file's digest.

    Names begin with `network.`, `averaged.` or `optimizer.`.
    """
    metadata = _metadata(tensors, state)
    write_whole(path, lambda part: _write(part, _unshared(tensors), metadata))
    return metadata["digest"]


def network_tensors(network: nn.Module, kind: str = "network") -> dict[str, Tensor]:
    """The weights of a network, named as in checkpoints."""
    return {f"{kind}.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}


def evaluated_weights(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights that evaluation and prediction use, as `network.`.

    These are the averaged ones, where a checkpoint has them.
    """
    # Averaged weights are those that were validated, so they are what is predicted with.
    kind = "averaged." if any(name.startswith("averaged.") for name in tensors) else "network."
    return {f"network.{name.removeprefix(kind)}": t for name, t in tensors.items() if name.startswith(kind)}


def digest(tensors: dict[str, Tensor], state: dict) -> str:
    """The digest that `save` would return."""
    return _metadata(tensors, state)["digest"]


def read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the position of a checkpoint.

    Raises:
        RunInvalid: the file is missing, truncated, damaged or was changed after it was written.
    """
    require_regular(path, RunInvalid)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    state = _state(path, metadata)
    # Checkpoints of versions before 0.1.0 have no digest.
    if metadata.keys() & {"tensors", "digest"} and metadata.get("tensors") != _digest(tensors):
        raise _damaged(path, "its weights were changed after they were written")
    return tensors, state


def read_head(path: Path) -> tuple[dict[str, Any], str]:
    """The position of a checkpoint, and its stated digest.

    No tensor is read. The digest is empty where the file has none.

    Raises:
        RunInvalid: the file is missing, or its head is truncated, damaged or was changed after it was written.
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
        raise _damaged(path, "its position is not a JSON object")
    if "digest" in metadata and metadata["digest"] != _joined(metadata.get("state", ""), metadata.get("tensors", "")):
        raise _damaged(path, "its position was changed after it was written")
    return state


def _damaged(path: Path, why: object) -> RunInvalid:
    return RunInvalid(
        f"the checkpoint {path} cannot be read: {why}",
        fix="resume from the previous checkpoint with weakseg train --resume, or restore the file from a backup",
    )


def _metadata(tensors: dict[str, Tensor], state: dict) -> dict[str, str]:
    text, of_tensors = json.dumps(state), _digest(tensors)
    return {"state": text, "tensors": of_tensors, "digest": _joined(text, of_tensors)}


def _joined(state: str, tensors: str) -> str:
    return hashlib.sha256(f"{tensors} {state}".encode()).hexdigest()


def _digest(tensors: dict[str, Tensor]) -> str:
    hashed = hashlib.sha256()
    for name in sorted(tensors):
        # Names are sorted, dtype and shape are part of the text: the digest depends on content alone, and not on the
        # order of a dictionary or a tensor's strides.
        tensor = tensors[name].detach().cpu().contiguous()
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        # Bytes and not numbers, since numpy has no bfloat16.
        hashed.update(tensor.reshape(-1).view(torch.uint8).numpy())  # pyright: ignore[reportArgumentType]
    return hashed.hexdigest()


def load_network(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Load a checkpoint's weights into a network.

    The network has the same architecture; `tensors` are those of `read`, or of `evaluated_weights`.
    """
    weights = {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise RunInvalid(
            f"{path} holds the weights of another network: {str(error).splitlines()[-1].strip()}",
            fix="use the run's own recipe and network",
        ) from error


def load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor], path: Path) -> None:
    """Load a checkpoint's optimiser state into an optimiser.

    The optimiser is over the same parameters.
    """
    state: dict[int, dict[str, Tensor]] = {}
    try:
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, index, moment = name.split(".", 2)
                state.setdefault(int(index), {})[moment] = tensor
        _require_shapes(optimizer, state)
        # Parameter groups are those of the recipe and not of the file: nothing but moments is taken from disk.
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (ValueError, LookupError, RuntimeError) as error:
        raise _damaged(path, f"its optimiser does not fit ({error})") from error


def _require_shapes(optimizer: Optimizer, state: dict[int, dict[str, Tensor]]) -> None:
    """Refuse moments whose shapes are not the parameters'.

    PyTorch would load them without complaint, and a later step would fail or go wrong.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, moments in state.items():
        if any(moment.ndim and moment.shape != parameters[index].shape for moment in moments.values()):
            raise ValueError("its moments have other shapes than the parameters that are trained")


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    try:
        save_file(tensors, path, metadata)
    except SafetensorError as error:
        # safetensors reports a full disk by an error of its own, which is no OSError.
        raise OSError(str(error)) from error


def _optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    return {
        f"{index}.{moment}": torch.as_tensor(value).contiguous()
        for index, moments in optimizer.state_dict()["state"].items()
        for moment, value in moments.items()
        if value is not None
    }


def _unshared(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, copied where two share memory.

    The format allows no shared memory.
    """
    seen: set[int] = set()
    for name, tensor in tensors.items():
        # Empty tensors all have the address 0 and share nothing.
        if tensor.data_ptr() in seen and tensor.numel():
            tensors[name] = tensor.clone()
        seen.add(tensor.data_ptr())
    return tensors


def best_state(epoch: int, fingerprint: str) -> dict:
    """The state that best.safetensors holds beside its weights."""
    return {"fingerprint": fingerprint, "best_of_epoch": epoch}


def keep_under_another_name(source: Path, target: Path) -> None:
    """A second name for a file that is about to be replaced.

    It is a hard link where the file system has them, else a copy.
    """

    def write(part: Path) -> None:
        # A link needs a free name, and `write_whole` has made an empty file of this one.
        part.unlink()
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)

    write_whole(target, write)
