"""Only regular files are read: nothing else is opened, and nothing that is read can hang or fill the memory."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from weakseg.data.images.image_file import read_image
from weakseg.data.images.label_file import read_labels
from weakseg.data.images.stored import any_size
from weakseg.data.published.scribblesup import read_scribbles
from weakseg.data.published.voc import VOC_CLASSES, Voc
from weakseg.errors import DataInvalid, RunInvalid, WeaksegError
from weakseg.files.regular_file import irregular, open_regular, read_bytes, read_text
from weakseg.pretrained.vgg import Vgg16LargeFov
from weakseg.runs import checkpoint


def _socket(path: Path):
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(os.path.relpath(path))


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "a folder"),
    "fifo": (os.mkfifo, "a FIFO"),
    "socket": (_socket, "a socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "a device"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "a link to a missing file"),
    "loop": (lambda path: path.symlink_to(path.name), "a link to itself"),
}

READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "text": ("a.txt", read_text),
    "bytes": ("a.json", read_bytes),
    "png": ("a.png", read_image),
    "tiff": ("a.tif", read_image),
    "labels": ("a.png", read_labels),
    "xml": ("a.xml", lambda path: read_scribbles(path, VOC_CLASSES, (3, 4), 1.0)),
    "checkpoint": ("last.safetensors", checkpoint.read),
    "vgg": ("vgg.safetensors", lambda path: Vgg16LargeFov(str(path), width=1).build(3, 2)),
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_named_and_never_opened(reader, kind, tmp_path):
    """Every reader says what stands in the file's place; a FIFO would be waited for, /dev/zero never ends."""
    name, read = READERS[reader]
    make, word = KINDS[kind]
    make(tmp_path / name)
    with pytest.raises(WeaksegError, match=word) as error:
        read(tmp_path / name)
    assert name in error.value.found


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_file_is_missing(reader, tmp_path):
    """No other word is used for it."""
    name, read = READERS[reader]
    with pytest.raises(WeaksegError, match="is missing"):
        read(tmp_path / name)


def test_a_file_and_a_link_to_one_are_read(tmp_path):
    """Links to files are as good as files."""
    (tmp_path / "a").write_bytes("\ufeffä\r\nb\rc\n".encode())
    (tmp_path / "b").symlink_to("a")
    assert irregular(tmp_path / "a") == irregular(tmp_path / "b") == irregular(tmp_path / "missing") == ""
    assert read_text(tmp_path / "b") == "ä\nb\nc\n"
    with open_regular(tmp_path / "b") as file:
        assert file.read(3) == b"\xef\xbb\xbf"


def test_a_text_without_an_end_is_refused_before_it_is_read(tmp_path):
    """A file of a terabyte with holes takes no memory and no time."""
    with (tmp_path / "a").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(RunInvalid, match="1,099,511,627,776 bytes"):
        read_text(tmp_path / "a", RunInvalid)


def test_a_text_in_another_encoding_is_told(tmp_path):
    """As the error that was asked for."""
    (tmp_path / "a").write_bytes(b"\xff\xfe")
    with pytest.raises(RunInvalid, match="not UTF-8"):
        read_text(tmp_path / "a", RunInvalid)


def test_a_name_that_no_file_can_have_is_told():
    """A zero byte is refused by the system with an error of its own."""
    with pytest.raises(DataInvalid, match="not a valid file name"):
        read_text(Path("a\0b"))


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_a_mask_of_sbd_is_a_file(kind, tmp_path):
    """`.mat` files are opened like all others, and what is none is no mask."""
    for folder in ("VOC2012/JPEGImages", "VOC2012/ImageSets/Segmentation", "sbd/cls"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "VOC2012/ImageSets/Segmentation/train.txt").write_text("a\n")
    KINDS[kind][0](tmp_path / "sbd/cls/a.mat")
    with pytest.raises(DataInvalid, match="no mask|FIFO|device"):
        Voc(str(tmp_path / "VOC2012"), "train", sbd=str(tmp_path / "sbd"))._mask("a", any_size, 1)


def test_a_name_too_long_for_the_disk_is_a_description(tmp_path):
    """Files may name other files, and be damaged."""
    assert "too long" in irregular(tmp_path / ("9" * 300))
