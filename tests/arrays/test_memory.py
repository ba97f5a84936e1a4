"""An image that does not fit into the memory is refused beforehand, in one sentence, whatever its format."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import tifffile
from PIL import Image

from weakseg.arrays import memory
from weakseg.data.images import stored
from weakseg.data.images.image_file import read_image
from weakseg.data.images.label_file import read_labels
from weakseg.data.published.voc import _read_mat
from weakseg.errors import DataInvalid


@pytest.fixture(autouse=True)
def small_images_count(monkeypatch):
    """Small images are not looked up, and large ones would be slow."""
    monkeypatch.setattr(memory, "SMALL", 0)


PIXELS = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)


def _deep(path: Path):
    tifffile.imwrite(path, PIXELS.astype(np.uint16), photometric="rgb", compression="zlib")


WRITERS = {
    "a.png": lambda path: Image.fromarray(PIXELS).save(path),
    "a.jpg": lambda path: Image.fromarray(PIXELS).save(path),
    "a.webp": lambda path: Image.fromarray(PIXELS).save(path),
    "a.bmp": lambda path: Image.fromarray(PIXELS).save(path),
    "a.tif": lambda path: Image.fromarray(PIXELS).save(path),
    "b.tif": _deep,
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_limit_is_the_memory_in_every_format(name, tmp_path, monkeypatch):
    """A byte less than what it takes is too little, and then nothing is decoded."""
    WRITERS[name](tmp_path / name)
    needed = 40 * 60 * (stored.IMAGE.pixel + 3 * stored.IMAGE.value)
    monkeypatch.setattr(memory, "available", lambda: needed)
    assert read_image(tmp_path / name).shape == (3, 40, 60)
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(DataInvalid, match="60 wide and 40 high with 3 channels, which needs .* GiB") as error:
        read_image(tmp_path / name)
    assert "tiles" in error.value.fix


def test_label_maps_have_the_same_limit(tmp_path, monkeypatch):
    """Masks and scribbles may be as large as images."""
    Image.fromarray(PIXELS[:, :, 0]).save(tmp_path / "a.png")
    monkeypatch.setattr(memory, "available", lambda: 1000)
    with pytest.raises(DataInvalid, match="needs"):
        read_labels(tmp_path / "a.png")


def test_pillow_has_no_limit_of_its_own(tmp_path, monkeypatch):
    """Neither its error nor its warning, which the tests would make an error; and its setting stays as it was."""
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    for limit in (40 * 60 // 3, 40 * 60 - 1):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert read_image(tmp_path / "a.png").shape == (3, 40, 60)
        assert limit == Image.MAX_IMAGE_PIXELS


def test_a_tiff_that_declares_more_than_it_holds_is_refused_by_its_header(tmp_path):
    """A kilobyte that says it is a terabyte."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint16))
    with tifffile.TiffFile(path, mode="r+") as file:
        tags = file.pages[0].tags  # pyright: ignore
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tags[name].overwrite(2_000_000, dtype="I")
    with pytest.raises(DataInvalid, match="2,000,000 wide"):
        read_image(path)


def test_a_mask_of_matlab_is_measured_before_it_is_unpacked(tmp_path, monkeypatch):
    """Zeros are packed a thousandfold."""
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"GTcls": {"Segmentation": np.zeros((1000, 1000), np.uint8)}}, do_compression=True)
    assert path.stat().st_size < 10_000
    assert _read_mat(path, 1000 * 1000).shape == (1000, 1000)
    monkeypatch.setattr(memory, "available", lambda: 10_000_000)
    with pytest.raises(DataInvalid, match="which needs"):
        _read_mat(path, 1000 * 1000)


def test_the_process_limit_counts():
    """What `ulimit -v` leaves, and not what the machine has."""
    code = (
        "import resource; from weakseg.arrays.memory import available; before = available(); "
        "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33)); print(before > 0, available() < 2**33)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    ("line", "group", "files"),
    [
        ("0::/job", "job", {"memory.max": "1000", "memory.current": "600"}),
        ("0::/job/step", "job", {"memory.max": "1000", "memory.current": "600"}),
        ("0::/outside/name", "", {"memory.max": "1000", "memory.current": "600"}),
        ("4:memory:/job", "memory/job", {"memory.limit_in_bytes": "1000", "memory.usage_in_bytes": "600"}),
    ],
)
def test_the_limit_of_a_container_counts(line, group, files, tmp_path, monkeypatch):
    """Of either version of control groups, of any group above, and less what is only a copy of files."""
    (tmp_path / group).mkdir(parents=True, exist_ok=True)
    files |= {"memory.stat": "anon 500\ninactive_file 50\n"}
    for name, text in files.items():
        (tmp_path / group / name).write_text(text + "\n")
    (tmp_path / "cgroup").write_text(line + "\n")
    read = memory._lines
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "_lines", lambda p: read(tmp_path / "cgroup" if p.name == "cgroup" else p))
    assert memory.available() == 450
