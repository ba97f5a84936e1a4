"""`weakseg push`: a run on the Hugging Face hub."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from weakseg.errors import RunInvalid, WriteRefused
from weakseg.export.about import About
from weakseg.export.card import card
from weakseg.export.onnx_file import write_onnx
from weakseg.files.regular_file import require_regular
from weakseg.runs.datasets import Run
from weakseg.runs.hub import FILES, is_name


@dataclass(frozen=True)
class Pushed:
    """Where a run went."""

    url: str
    revision: str
    """The commit, which `weakseg.load(name, revision=...)` pins."""


def push(run: Run, about: About, name: str, private: bool = True, onnx: bool = False) -> Pushed:
    """Upload a run with its card; in one commit, or not at all.

    Weights, the record and the epochs' scores are uploaded: no image, no label, and no code.

    Args:
        run: the run.
        about: what is known of it.
        name: `owner/name`.
        private: whether a new repository is private.
        onnx: whether the network is uploaded as an ONNX file too.

    Raises:
        RunInvalid: the name is none of the hub, or the run has no weights.
        WriteRefused: the hub cannot be reached, or refuses.
        NetworkUnavailable: the ONNX file differs from the network.
    """
    from huggingface_hub import HfApi

    if not is_name(name):
        raise RunInvalid(f"{name} is no name of the hub", expected="owner/name")
    require_regular(run.path / "best.safetensors", RunInvalid)
    # Gathered first and uploaded in one commit: nothing half finished is ever public.
    with TemporaryDirectory() as place:
        folder = Path(place)
        _fill(folder, run, about, name)
        if onnx:
            write_onnx(run.predictor(), about, folder / "model.onnx")
        api = HfApi()
        try:
            api.create_repo(name, private=private, exist_ok=True)
            made = api.upload_folder(repo_id=name, folder_path=str(folder), commit_message="A run of weakseg")
        except Exception as error:  # any error of the HTTP library that the hub's client uses may come here
            # Some have no text.
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise WriteRefused(
                f"{name} cannot be uploaded: {why[:300]}",
                fix="log in with `hf auth login`, and check the name and the connection",
            ) from error
    return Pushed(f"https://huggingface.co/{name}", str(made.oid))


def _fill(folder: Path, run: Run, about: About, name: str) -> None:
    """Write the files of the repository."""
    for file in FILES:
        # The record is written anew, with the names of files in place of their paths on this machine.
        if file != "run.json" and (run.path / file).is_file():
            (folder / file).write_bytes((run.path / file).read_bytes())
    (folder / "run.json").write_text(json.dumps(about.record, indent=1), encoding="utf-8")
    (folder / "README.md").write_text(card(run, about, name), encoding="utf-8")
