"""Names of images, as tools change them."""

from pathlib import Path

import pytest

from weakseg.annotations.names import ImageNames
from weakseg.errors import DataInvalid


def names(*files):
    """The images of a folder by key."""
    return ImageNames({str(Path(file).with_suffix("")): Path("images") / file for file in files})


@pytest.mark.parametrize(
    "name",
    [
        "cow.png",
        "cow",
        "cow.jpg",
        "images/cow.png",
        "/data/upload/1/e62533a5-cow.png",
        "C:\\images\\cow.png",
        "s3://bucket/folder/cow.png",
        "https://x.org/a%20b/cow.png?token=1",
        "/data/local-files/?d=set/cow.png",
        "/data/local-files/?d=set%5Cdeep%5Ccow.png",
        "cow_png.rf.0123456789abcdef0123456789abcdef.jpg",
    ],
)
def test_a_name_is_found_however_a_tool_writes_it(name):
    """By path, by name, by stem, and without what tools add."""
    assert names("cow.png", "pig.png").key(name) == "cow"


def test_an_image_whose_own_name_looks_like_an_addition_is_found():
    """The most literal reading comes first."""
    assert names("e62533a5-cow.png", "cow.png").key("e62533a5-cow.png") == "e62533a5-cow"


def test_folders_decide_between_equal_names():
    """The longest end of a path that is an image's own path."""
    nested = names("a/1.png", "b/1.png")

    assert nested.key("/data/b/1.png") == "b/1"
    with pytest.raises(DataInvalid, match="a/1, b/1"):
        nested.key("1.png")


def test_no_image_is_none():
    """And nothing is guessed."""
    assert names("cow.png").key("cows.png") is None
