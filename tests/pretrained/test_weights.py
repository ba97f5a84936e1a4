"""Looking for weights: folders first, then what was downloaded, then the hub; and an answer within seconds."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.weights import locate

_LOCATE = """
import sys, time
import huggingface_hub.constants
from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.weights import locate
start = time.monotonic()
try:
    print(locate("somebody/network"))
except NetworkUnavailable as error:
    print(error)
assert time.monotonic() - start < 5
"""


def _locate_in_a_process(cache: Path, **environment: str) -> str:
    """The hub's client reads its environment when it is imported."""
    kept = {key: value for key, value in os.environ.items() if key != "WEAKSEG_WEIGHTS"}
    done = subprocess.run(
        [sys.executable, "-c", _LOCATE],
        env={**kept, "HF_HUB_CACHE": str(cache), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_an_unreachable_hub_is_said_at_once(tmp_path, environment):
    """The message says where was looked and what else there is; the hub's own retries take 23 seconds."""
    said = _locate_in_a_process(tmp_path, **environment)
    for part in ["somebody/network", "WEAKSEG_WEIGHTS is not set", "Hugging Face hub", "UNet()"]:
        assert part in said


def test_a_downloaded_network_needs_no_hub(tmp_path):
    """What the hub's cache holds is found without asking."""
    snapshot = tmp_path / "models--somebody--network" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_text("")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    assert _locate_in_a_process(tmp_path, HF_ENDPOINT="http://127.0.0.1:9").strip() == str(snapshot)


def test_a_name_may_be_a_folder_on_the_shelf(tmp_path, monkeypatch):
    """$WEAKSEG_WEIGHTS is a folder of folders."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    monkeypatch.setenv("WEAKSEG_WEIGHTS", str(tmp_path))
    assert locate("mine") == tmp_path / "mine"


def test_a_path_that_does_not_exist_is_no_question_for_the_hub(tmp_path, monkeypatch):
    """A mistyped path is answered at once, and the message holds it."""
    monkeypatch.setenv("WEAKSEG_WEIGHTS", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(NetworkUnavailable, match="no/such/folder"):
        locate("/no/such/folder")
    assert time.monotonic() - start < 5
