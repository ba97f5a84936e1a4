"""What dataset.toml may say, and what happens when it says something else."""

import pytest

from weakseg.data.folder.declaration import Declaration, read_declaration
from weakseg.data.label_values.convention import Convention
from weakseg.errors import DataInvalid


def read(folder, text):
    """What a dataset.toml of this text declares."""
    (folder / "dataset.toml").write_text(text, encoding="utf-8")
    return read_declaration(folder)


def test_no_file_means_the_defaults(tmp_path):
    """A folder need not declare anything."""
    assert read_declaration(tmp_path) == Declaration()


def test_every_key_is_read(tmp_path):
    """What is written is what is declared."""
    text = r"""
        unlabeled = 0
        void = 200
        classes = ["sky", "cow", "horse"]
        background = "sky"
        merge = { horse = "cow" }
        fully_labelled = ["a", "site3_*"]
        first_value = 1
        volume = 'patient\d+'
        unscored = ["cow"]
    """

    assert read(tmp_path, text) == Declaration(
        unlabeled=0,
        void=200,
        classes=("sky", "cow", "horse"),
        background="sky",
        merge=(("horse", "cow"),),
        fully_labelled=("a", "site3_*"),
        first_value=1,
        volume=r"patient\d+",
        unscored=("cow",),
    )


def test_each_folder_may_have_numbers_of_its_own(tmp_path):
    """Masks that count from 0 go with scribbles that count from 1, and with some of other values."""
    said = read(
        tmp_path,
        """
        void = [3, 255]
        [scribbles]
        unlabeled = 0
        first_value = 1
        [scribbles_bob]
        unlabeled = []
        values = [64, -1]
        instances = "cow"
        """,
    )
    names = ("sky", "cow")

    assert said.convention("masks", names) == Convention("masks", (3, 255), (0, 1))
    assert said.convention("scribbles_amy", names) == Convention("scribbles_amy", (0,), (1, 2))
    assert said.convention("scribbles_bob", names) == Convention("scribbles_bob", (), (64, -1), other=1)


@pytest.mark.parametrize("text", ["[masks]\nunlabeled = 0", "[scribbles]\nvoid = 0", "[masks]\nmerge = 3", "[images]"])
def test_a_folder_s_table_knows_its_own_keys(tmp_path, text):
    """Masks have void and scribbles have unlabeled."""
    with pytest.raises(DataInvalid, match="unknown key"):
        read(tmp_path, text)


def test_an_empty_background_means_that_there_is_none(tmp_path):
    """TOML has no null."""
    assert read(tmp_path, 'background = ""').background is None


def test_a_byte_order_mark_is_ignored(tmp_path):
    """Windows' editors write one."""
    (tmp_path / "dataset.toml").write_text("void = 7", encoding="utf-8-sig")

    assert read_declaration(tmp_path).void == 7


def test_all_unknown_keys_and_wrong_kinds_are_told_at_once(tmp_path):
    """With the file's name and what may have been meant."""
    with pytest.raises(DataInvalid) as error:
        read(tmp_path, 'unlabelled = 0\nvoid = true\nclasses = "sky"\nmerge = ["a"]\nvolume = 3\nunscored = [1]')

    told = str(error.value)
    assert len(error.value.problems) == 6
    assert "unknown key 'unlabelled'" in told
    assert "write 'unlabeled'" in told
    for wrong in ("void = True", "classes = 'sky'", "merge = ['a']", "volume = 3", "unscored = [1]"):
        assert f"{tmp_path / 'dataset.toml'}: {wrong}" in told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("unlabeled = ", "is not TOML"),
        ("unlabeled = -40000", "unlabeled = -40000"),
        ("[masks]\nvoid = [0, 70000]", r"nothing of \[masks\] = 70000"),
        ("first_value = 70000", "first_value = 70000"),
        ("volume = '('", "not a regular expression"),
    ],
)
def test_impossible_values_name_the_file(tmp_path, text, found):
    """A typing error, and values that no label map can hold."""
    with pytest.raises(DataInvalid, match=found) as error:
        read(tmp_path, text)

    assert str(tmp_path / "dataset.toml") in str(error.value)


def test_another_encoding_is_refused(tmp_path):
    """Names must not be guessed at."""
    (tmp_path / "dataset.toml").write_bytes('classes = ["Kälber"]'.encode("latin-1"))

    with pytest.raises(DataInvalid, match="not UTF-8"):
        read_declaration(tmp_path)
