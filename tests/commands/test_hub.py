"""A run on the hub and back: one commit, a card that says what labels cost, and nothing that is executed."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from PIL import Image

from weakseg import cli, load
from weakseg.errors import RunInvalid
from weakseg.runs.hub import here

RECIPE = """
from weakseg import Augment, Fit, Folder, Phase, Recipe, SeedsOnly, UNet
data = Folder({data!r}, "all", labels=("masks",))
recipe = Recipe(data, UNet(8, 1), (Phase(Fit(SeedsOnly()), 1),), validation=data, augment=Augment(crop=None))
"""


@dataclass
class Hub:
    """A hub in a folder: repositories, each a folder of commits."""

    place: Path
    reachable: bool = True
    private: dict[str, bool] = field(default_factory=dict)
    downloaded: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    def create_repo(self, name, private, exist_ok):
        """A new repository, unless it is there."""
        assert exist_ok
        self.private.setdefault(name, private)

    def upload_folder(self, repo_id, folder_path, commit_message):
        """A commit."""
        if not self.reachable:
            raise OSError("there is no network here\nand more lines")
        commits = self.place / repo_id
        commits.mkdir(parents=True, exist_ok=True)
        commit = f"{len(list(commits.iterdir())):040x}"
        shutil.copytree(folder_path, commits / commit)
        return SimpleNamespace(oid=commit)

    def model_info(self, name, revision=None, timeout=None):
        """The commit of a revision, or the newest."""
        if not self.reachable:
            raise OSError("there is no network here")
        commits = sorted(path.name for path in (self.place / name).iterdir()) if (self.place / name).is_dir() else []
        if not commits or revision not in (None, *commits):
            raise ValueError(f"404: no {name} at {revision}")
        return SimpleNamespace(sha=revision or commits[-1])

    def snapshot_download(self, name, revision, allow_patterns, local_files_only=False):
        """Files of a commit."""
        self.downloaded.append((name, str(revision), tuple(allow_patterns)))
        if local_files_only:
            raise ValueError(f"{name} was never downloaded")
        target = self.place / "cache" / name / revision
        target.mkdir(parents=True, exist_ok=True)
        for file in allow_patterns:
            if (self.place / name / revision / file).is_file():
                shutil.copy(self.place / name / revision / file, target / file)
        return str(target)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub's client, without a network."""
    import huggingface_hub

    made = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: made)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", made.snapshot_download)
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of an epoch."""
    root = tmp_path_factory.mktemp("hub")
    data = root / "secret" / "patients"
    (data / "images").mkdir(parents=True)
    (data / "masks").mkdir()
    (data / "dataset.toml").write_text('classes = ["dark", "bright"]\nvalues = [3, 7]\n')
    for index in range(3):
        left = np.arange(32)[None].repeat(32, axis=0) < 12 + index
        Image.fromarray(np.where(left, 40, 210).astype(np.uint8)).save(data / "images" / f"{index}.png")
        Image.fromarray(np.where(left, 3, 7).astype(np.uint8)).save(data / "masks" / f"{index}.png")
    (root / "recipe.py").write_text(RECIPE.format(data=str(data)))
    cli.app(["train", str(root / "recipe.py"), "--out", str(root / "run")], standalone_mode=False)
    return root / "run"


def pushed(weakseg, run, *options):
    """What the command said, and the newest commit."""
    said = weakseg("push", run, "ann/squares", *options)
    assert said.code == 0, said.err
    return said.out


def commits(hub):
    """Folders of the commits, the oldest first."""
    return sorted((hub.place / "ann" / "squares").iterdir())


def test_a_run_comes_back_as_it_was(weakseg, hub, run):
    """The same labels and numbers; the newest commit, or the one that is pinned."""
    out = pushed(weakseg, run)
    pushed(weakseg, run)
    first, second = (path.name for path in commits(hub))
    assert f'revision="{first}"' in out
    assert hub.private == {"ann/squares": True}
    image = np.random.default_rng(0).random((1, 40, 50), np.float32)
    ours = load(run)
    for revision, commit in ((None, second), (first, first)):
        theirs = load("ann/squares", revision=revision)
        assert np.array_equal(theirs(image), ours(image))
        assert theirs.numbers == (3, 7)
        assert hub.downloaded[-1][1] == commit


def test_neither_code_nor_data_are_uploaded_or_downloaded(weakseg, hub, run):
    """And no folder of this machine is named."""
    pushed(weakseg, run)
    (folder,) = commits(hub)
    assert {path.name for path in folder.iterdir()} == {"README.md", "best.safetensors", "metrics.jsonl", "run.json"}
    assert "secret" not in (folder / "run.json").read_text() + (folder / "README.md").read_text()
    (folder / "recipe.py").write_text("raise SystemExit('executed')")
    load("ann/squares")
    assert hub.downloaded[-1][2] == ("run.json", "best.safetensors", "metrics.jsonl")


def test_the_card_says_what_the_labels_cost(weakseg, hub, run):
    """What was drawn, protocol, scores, failures and the licence of the first weights; its head is YAML."""
    pushed(weakseg, run)
    (folder,) = commits(hub)
    _, head, text = (folder / "README.md").read_text().split("---\n", 2)
    told = yaml.safe_load(head)
    assert told["library_name"] == "weakseg"
    assert told["pipeline_tag"] == "image-segmentation"
    (metrics,) = [each["metrics"] for each in told["model-index"][0]["results"]]
    assert metrics[0]["type"] == "mean_iou"
    assert 0 <= metrics[0]["value"] <= 1
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[:3] == ["## What was drawn", "## Protocol", "## Scores"]
    assert titles[-2:] == ["## Where it fails", "## Licence of the weights that the training began from"]
    assert "100.00% of the pixels of 3 images are labelled" in text
    assert "| dark |" in text
    assert "one run: no spread" in text
    assert "None: the training began at random." in text


def test_predict_takes_a_name_on_the_hub(weakseg, hub, run, tmp_path):
    """The masks of the run; of the commit that is pinned, and nothing that lies beside it is executed."""
    pushed(weakseg, run)
    pushed(weakseg, run)
    first, second = commits(hub)
    (second / "best.safetensors").write_bytes(b"damaged")
    (first / "recipe.py").write_text("raise SystemExit('executed')")
    image = sorted((run.parent / "secret" / "patients" / "images").iterdir())[0]
    words = ("predict", "ann/squares", image, "--out", tmp_path / "theirs")
    assert weakseg(*words).code == 2
    said = weakseg(*words, "--revision", first.name)
    assert said.code == 0, said.err
    assert hub.downloaded[-1] == ("ann/squares", first.name, ("run.json", "best.safetensors", "metrics.jsonl"))
    assert weakseg("predict", run, image, "--out", tmp_path / "ours").code == 0
    theirs, ours = ((tmp_path / out / image.name).read_bytes() for out in ("theirs", "ours"))
    assert theirs == ours


def test_predict_says_what_is_nowhere(weakseg, hub, run, tmp_path):
    """As a folder, and on the hub; a commit of a folder that is here is refused."""
    image = sorted((run.parent / "secret" / "patients" / "images").iterdir())[0]
    said = weakseg("predict", "ann/nothing", image, "--out", tmp_path / "out")
    assert said.code == 2
    assert "no folder here" in said.err
    said = weakseg("predict", run, image, "--out", tmp_path / "out", "--revision", "f" * 40)
    assert said.code == 2
    assert "is on this machine" in said.err


def test_an_onnx_file_goes_with_it_on_request(weakseg, hub, run):
    """After its comparison."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    pushed(weakseg, run, "--onnx", "--public")
    (folder,) = commits(hub)
    assert (folder / "model.onnx").stat().st_size > 1000
    assert hub.private == {"ann/squares": False}


def test_a_hub_that_refuses_is_one_sentence(weakseg, hub, run):
    """What it said, and what to do."""
    hub.reachable = False
    said = weakseg("push", run, "ann/squares")
    assert said.code == 2
    assert "no network here" in said.err
    assert "hf auth login" in said.err


@pytest.mark.parametrize("name", ["squares", "a/b/c", "../a/b", "ann/..", "ann/squares "])
def test_names_are_those_of_the_hub(weakseg, hub, run, name):
    """Nothing is uploaded otherwise."""
    said = weakseg("push", run, name)
    assert said.code == 2
    assert "owner/name" in said.err
    assert not hub.place.exists()


@pytest.mark.parametrize(
    ("name", "revision"), [("ann/nothing", None), ("runs/hearts", None), ("ann/squares", "f" * 40)]
)
def test_what_is_nowhere_is_said(weakseg, hub, run, name, revision, tmp_path, monkeypatch):
    """It may be a folder with a slip of the pen."""
    pushed(weakseg, run)
    # Where no folder of the owner's name is: names in it are not looked for on the hub.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunInvalid, match="no folder here"):
        load(name, revision=revision)


def test_a_record_of_others_makes_no_parts_of_theirs(weakseg, hub, run):
    """As of every run: it is data."""
    pushed(weakseg, run)
    (folder,) = commits(hub)
    record = json.loads((folder / "run.json").read_text())
    record["recipe"]["network"] = {"type": "os.system", "command": "touch executed"}
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunInvalid, match="your own code"):
        load("ann/squares")


def test_a_name_within_a_folder_that_is_here_is_not_looked_for_on_the_hub(tmp_path, monkeypatch):
    """A mistyped run, or an ONNX file that is missing, is told as such."""
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    for name in ("runs/typo", "models/net.onnx"):
        assert here(name) == Path(name)
