"""Runs on the Hugging Face hub."""

import re
from pathlib import Path

from weakseg.errors import RunInvalid

FILES = ("run.json", "best.safetensors", "metrics.jsonl")
"""Files of a run that are on the hub: numbers and text."""
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_name(text: str) -> bool:
    """Whether a text may be a name on the hub, `owner/name`."""
    return _NAME.fullmatch(text) is not None and ".." not in text and "--" not in text


def here(path: Path | str, revision: str | None = None) -> Path:
    """Where a run is on this machine; one on the hub is downloaded.

    Args:
        path: a folder or file, or `owner/name`.
        revision: a commit of the hub; `None` is the newest one.

    Raises:
        RunInvalid: the hub has no such run, or cannot be reached; or a commit is given for what is here.
    """
    # A folder of that name comes first, so a run on disk never becomes a download.
    if not Path(path).exists():
        # A name within a folder that is here, or of a file, was meant for this machine.
        meant_here = Path(path).parent.is_dir() or Path(path).suffix == ".onnx"
        asked = revision is not None or (is_name(str(path)) and not meant_here)
        return fetched(str(path), revision) if asked else Path(path)
    if revision is not None:
        found, fix = f"{path} is on this machine, and a revision is given", "leave the revision out"
        raise RunInvalid(found, expected="a revision of a run on the hub", fix=fix)
    return Path(path)


def fetched(name: str, revision: str | None = None) -> Path:
    """The folder of a run on the hub, downloaded if need be.

    All its files are of one commit. Nothing in them is executed, and no other files are downloaded.

    Args:
        name: `owner/name`.
        revision: a commit; `None` is the newest one, or the downloaded one where the hub cannot be reached.

    Raises:
        RunInvalid: there is no such run, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        try:
            # The commit first, then its files: otherwise files of two commits could be mixed while a new one arrives.
            commit = str(HfApi().model_info(name, revision=revision, timeout=5).sha)
        except OSError:
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES), local_files_only=True))
        return Path(snapshot_download(name, revision=commit, allow_patterns=list(FILES)))
    except Exception as error:  # any error of the HTTP library that the hub's client uses may come here
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RunInvalid(
            f"{name} is no folder here, and cannot be had from the Hugging Face hub: {said[:300]}",
            expected="a run folder, or the name of a run on the hub",
            fix="check the name; private runs need `hf auth login`",
        ) from error
