"""Finding and reading checkpoints of pretrained networks."""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weakseg.errors import NetworkUnavailable, WeaksegError
from weakseg.files.regular_file import read_text
from weakseg.pretrained.affordable import require_sensible
from weakseg.pretrained.self_contained import offline, require_self_contained

_FILES = ["config.json", "preprocessor_config.json", "model*.safetensors*"]


def locate(name: str) -> Path:
    """The folder of a checkpoint.

    It is looked for as named, under $WEAKSEG_WEIGHTS, and among earlier downloads; otherwise it is downloaded.

    Raises:
        NetworkUnavailable: it is in none of these places. This takes seconds where the hub cannot be reached.
    """
    shelf = os.environ.get("WEAKSEG_WEIGHTS")
    # Local folders first, so that nothing is fetched that is there, and a run without a network works.
    folders = [Path(name).absolute()] + ([Path(shelf) / name] if shelf else [])
    for folder in folders:
        if (folder / "config.json").is_file():
            return folder
    try:
        return _downloaded(name) or _download(name)
    except Exception as error:  # any error of the HTTP library that the hub's client uses may come here
        raise NetworkUnavailable(
            f"there are no weights named '{name}' (searched: "
            + "".join(
                f"{folder} ({'it holds no config.json' if folder.is_dir() else 'no folder'}); " for folder in folders
            )
            + f"{'' if shelf else 'WEAKSEG_WEIGHTS is not set; '}earlier downloads; "
            f"the Hugging Face hub ({_first_line(error)}))",
            expected="a folder with config.json and model.safetensors, or a name that the hub knows",
            fix="give a folder; or fetch the files elsewhere and set WEAKSEG_WEIGHTS to the folder they lie under; "
            "or train a small network from scratch, which needs no weights: --network unet, or UNet() in a recipe",
        ) from error


def _downloaded(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if (folder / "config.json").is_file() and any(folder.glob("model*.safetensors")) else None


def _download(name: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    # A failing download retries for half a minute, so one short request first tests the connection.
    HfApi().model_info(name, timeout=3)
    return Path(snapshot_download(name, allow_patterns=_FILES))


def read_config(path: Path):
    """The architecture in a `config.json`.

    A folder that holds one may be given too.
    """
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        raise NetworkUnavailable(
            f"there is no network description {file}",
            expected="a transformers config.json",
            fix="give the path of one, or of the folder that holds it",
        )
    settings = read_object(file)
    if not isinstance(settings.get("model_type"), str):
        raise NetworkUnavailable(
            f"{file}: model_type is {settings.get('model_type', 'missing')!r:.100}",
            expected='the name of an architecture, as "model_type": "segformer"',
            fix="fetch the file again, or give the config.json of a network of transformers",
        )
    with explained(str(file)):
        try:
            return config_from(settings)
        except WeaksegError as error:
            raise error.at(file) from error


def read_object(file: Path) -> dict[str, Any]:
    """The contents of a checkpoint's JSON file.

    Raises:
        NetworkUnavailable: it cannot be read, or is not a JSON object.
    """
    try:
        found = json.loads(read_text(file, NetworkUnavailable))
        problem = f"holds {found!r:.100}"
    except (ValueError, RecursionError) as error:
        found, problem = None, f"is not valid JSON: {error}"
    if isinstance(found, dict):
        return found
    raise NetworkUnavailable(
        f"{file} {problem}", expected="a JSON object, {...}", fix="fetch the file again, or restore it from a backup"
    )


def config_from(settings: dict):
    """A transformers config from its dictionary, without any download.

    Raises:
        NetworkUnavailable: it names something to be fetched, or has impossible numbers.
    """
    from transformers import AutoConfig

    require_self_contained(settings)
    require_sensible(settings)
    # `_name_or_path` is where the config once came from, which says nothing about the network.
    known = {name: value for name, value in settings.items() if name not in ("model_type", "_name_or_path")}
    with quiet(), offline():
        return AutoConfig.for_model(settings["model_type"], **known)


@contextmanager
def explained(name: str):
    """Errors of transformers as messages of ours.

    Our own errors stay as they are.
    """
    try:
        yield
    except WeaksegError:
        raise
    except Exception as error:  # a wrong checkpoint shows as OSError, ValueError, KeyError, RuntimeError and others
        raise NetworkUnavailable(
            f"{name} cannot be loaded: {_first_line(error)}",
            expected="a semantic segmentation network, image classifier or backbone of transformers, "
            "with its weights in model.safetensors",
            fix="choose such a checkpoint (docs/networks.md lists those that were tried), or give any nn.Module "
            "that maps (B, M, H, W) to (B, C, h, w)",
        ) from error


@contextmanager
def quiet():
    """A `with` block without transformers' output.

    It has a progress bar, and a table of head weights that are new, as intended.
    """
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
