"""From values and names on disk to classes."""

import numpy as np
import pytest

from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.legend import read_legend
from weakseg.errors import DataInvalid
from weakseg.types import UNLABELED, Classes

FARM = ("background", "cow", "horse", "sheep")


def legend(folder, **declared):
    """The legend of a farm, with some things declared otherwise."""
    return read_legend(folder, Declaration(**{"classes": FARM, **declared}))


def test_lines_of_classes_txt_are_classes_in_order(tmp_path):
    """Windows line ends and a last empty line do no harm."""
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfbackground\r\ncow \r\n\r\n")

    assert read_legend(tmp_path, Declaration()).classes == Classes(("background", "cow"), background=0)


def test_the_default_background_is_ignored_where_nobody_has_it(tmp_path):
    """MSRC-21 has no background; nothing needs to be declared."""
    assert legend(tmp_path, classes=("sky", "cow")).classes.background is None


def test_values_are_class_indices(tmp_path):
    """And the value that means nothing is unlabeled."""
    labels = legend(tmp_path).labels(np.array([[0, 3, 255]]), "scribbles")

    assert labels.tolist() == [[0, 3, UNLABELED]]


def test_napari_counts_from_one(tmp_path):
    """first_value = 1 and 0 for nothing."""
    counted = legend(tmp_path, first_value=1, unlabeled=0, void=0)

    assert counted.labels(np.array([[0, 1, 4]]), "scribbles").tolist() == [[UNLABELED, 0, 3]]
    with pytest.raises(DataInvalid, match="1 undeclared value: 5"):
        counted.labels(np.array([[5]]), "scribbles")


def test_nnunet_ignores_the_highest_value(tmp_path):
    """unlabeled = number of classes."""
    assert legend(tmp_path, unlabeled=4).labels(np.array([[3, 4]]), "scribbles").tolist() == [[3, UNLABELED]]


def test_unlabeled_may_hide_a_class_that_is_never_drawn(tmp_path):
    """Masks with background 0 go with scribbles where 0 means nothing."""
    assert legend(tmp_path, unlabeled=0).labels(np.array([[0, 1]]), "scribbles").tolist() == [[UNLABELED, 1]]


def test_merged_classes_share_an_index_and_the_rest_move_up(tmp_path):
    """Background, cow (with horse) and sheep are left, in their order."""
    merged = legend(tmp_path, merge=(("horse", "cow"),), unscored=("sheep",))

    assert merged.classes == Classes(("background", "cow", "sheep"), background=0, unscored=(2,))
    assert merged.labels(np.array([[0, 1, 2, 3]]), "scribbles").tolist() == [[0, 1, 1, 2]]


def test_undeclared_values_are_all_told_with_their_pixels(tmp_path):
    """Negative ones, large ones and those just above the classes."""
    with pytest.raises(DataInvalid) as error:
        legend(tmp_path).labels(np.array([[-3, 4, 4, 70000, 0, 254]]), "scribbles")

    assert "4 undeclared values: -3 (1 pixels), 4 (2 pixels), 254 (1 pixels), 70000 (1 pixels)" in str(error.value)
    assert "0 to 3" in error.value.expected


def test_a_class_is_found_by_name_or_index(tmp_path):
    """The index counts lines from 0, before merging; a name that looks like a number is a name."""
    assert legend(tmp_path, merge=(("cow", "horse"),)).index("3") == 3
    assert legend(tmp_path, classes=("a", "0")).index("0") == 1
    with pytest.raises(DataInvalid, match="write 'horse'"):
        legend(tmp_path).index("hores")
    with pytest.raises(DataInvalid, match="unknown class '4'"):
        legend(tmp_path).index("4")


def test_everything_unknown_is_told_at_once(tmp_path):
    """Twice the same name, and names nobody knows."""
    with pytest.raises(DataInvalid) as error:
        legend(
            tmp_path,
            classes=("a", "b", "b"),
            merge=(("x", "a"), ("a", "y")),
            unscored=("z", "a"),
            background="w",
        )

    told = str(error.value)
    assert "class 'b' is named twice" in told
    for name in "xyzwa":
        assert f"names the class '{name}'" in told


def test_classes_cannot_be_merged_in_a_circle(tmp_path):
    """What a class becomes must be left."""
    with pytest.raises(DataInvalid, match="merge"):
        legend(tmp_path, merge=(("cow", "horse"), ("horse", "cow")))


def test_classes_may_have_any_values(tmp_path):
    """With gaps, out of order and below 0; what is larger or smaller than all of them is told."""
    spread = legend(tmp_path, values=(7, -1, 70, 300), void=(3, 255))

    assert spread.labels(np.array([[7, -1, 70, 300, 3, 255]]), "masks").tolist() == [[0, 1, 2, 3, UNLABELED, UNLABELED]]
    assert spread.numbers == (7, -1, 70, 300)
    for strange in (-2, -9, 0, 301, 9999):
        with pytest.raises(DataInvalid, match=f"1 undeclared value: {strange} "):
            spread.labels(np.array([[7, strange]]), "masks")


def test_objects_with_numbers_of_their_own_are_one_class(tmp_path):
    """However many there are; 0 is the background, and what is below is told."""
    cells = legend(tmp_path, classes=("background", "cell"), instances="cell", void=())

    assert cells.labels(np.array([[0, 1, 2, 255, 70000]]), "masks").tolist() == [[0, 1, 1, 1, 1]]
    with pytest.raises(DataInvalid, match="-1"):
        cells.labels(np.array([[0, -1]]), "masks")


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ({"values": (0, 1)}, "`values` of masks/ has 2 entries for 4 classes"),
        ({"values": (0, 1, 1, 2)}, "has 1 twice"),
        ({"values": (0, 1, 2, 255)}, "means both void and 'sheep'"),
        ({"values": (0, 1, 2, 4), "first_value": 1}, "is set beside `values`"),
        ({"instances": "pig"}, "`instances` names the class 'pig'"),
    ],
)
def test_values_must_fit_the_classes(tmp_path, declared, found):
    """One each, and none that means something else."""
    with pytest.raises(DataInvalid, match=found):
        legend(tmp_path, **declared)


def test_void_cannot_be_a_class_as_well(tmp_path):
    """Otherwise a class would silently never be judged."""
    with pytest.raises(DataInvalid, match="means both void and 'background'"):
        legend(tmp_path, void=0)


@pytest.mark.parametrize(("text", "found"), [("a\n\nb\n", "line 2 is empty"), ("\n", "the whole file is empty")])
def test_an_empty_line_is_no_class(tmp_path, text, found):
    """Because every line after it would have another index than its author thinks."""
    (tmp_path / "classes.txt").write_text(text)

    with pytest.raises(DataInvalid, match=found):
        read_legend(tmp_path, Declaration())


def test_missing_classes_say_what_to_write(tmp_path):
    """The file is named."""
    with pytest.raises(DataInvalid, match=r"classes\.txt is missing"):
        read_legend(tmp_path, Declaration())
