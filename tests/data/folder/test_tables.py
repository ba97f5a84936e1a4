"""What the four tables say, and every row in which they are wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakseg.data.folder.declaration import Declaration
from weakseg.data.folder.legend import read_legend
from weakseg.data.folder.tables import READERS, read_boxes, read_clicks, read_sizes, read_tags
from weakseg.types import ABSENT, PRESENT, UNTOLD

KEYS = ("a", "b", "c.2")


@pytest.fixture
def table(tmp_path):
    """Writes a table and reads it with a legend of four classes."""

    def read(reader, *lines, **declared):
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
        declaration = Declaration(classes=("background", "cow", "horse", "sheep"), **declared)
        return reader(path, read_legend(tmp_path, declaration), KEYS)

    return read


def test_tags_say_present_absent_or_nothing(table):
    """Several classes stand apart by semicolons, by name or by index."""
    said, problems = table(read_tags, "image,present,absent", "a,cow; sheep,horse", "b.JPG,,0", "c.2,2,")

    assert not problems
    assert said["a"].tolist() == [UNTOLD, PRESENT, ABSENT, PRESENT]
    assert said["b"].tolist() == [ABSENT, UNTOLD, UNTOLD, UNTOLD]
    assert said["c.2"].tolist() == [UNTOLD, UNTOLD, PRESENT, UNTOLD]


def test_a_merged_class_is_absent_only_if_all_of_it_is(table):
    """No cow does not mean no cattle; one horse does mean some."""
    rows = ("image,present,absent", "a,,cow", "b,horse,cow", "c.2,,cow;horse")

    said, problems = table(read_tags, *rows, merge=(("horse", "cow"),))

    assert not problems
    assert [said[key][1] for key in KEYS] == [UNTOLD, PRESENT, ABSENT]


def test_sizes_are_bounds_on_shares(table):
    """An empty cell is no bound; classes without a row are not bounded."""
    said, problems = table(read_sizes, "image,class,min,max", "a,cow,0.1,0.5", "a,3,,0.25", "b,cow,0.2,")

    assert not problems
    assert said["a"].tolist() == [[0, 1], [0.1, 0.5], [0, 1], [0, 0.25]]
    assert said["b"][1].tolist() == [0.2, 1]


def test_bounds_of_merged_classes_add_up(table):
    """Cattle is at least the cows and at most cows and horses; a class nobody bounded has no upper bound."""
    rows = ("image,class,min,max", "a,cow,0.1,0.3", "a,horse,0.2,0.4", "b,cow,0.1,0.3")

    said, problems = table(read_sizes, *rows, merge=(("horse", "cow"),))

    assert not problems
    assert said["a"][1] == pytest.approx([0.3, 0.7])
    assert said["b"][1] == pytest.approx([0.1, 1.0])


def test_convention_boxes_are_written_x_first_and_read_row_first(table):
    """left, top, right, bottom in the table; class, top, left, bottom, right in memory; columns in any order."""
    said, problems = table(
        read_boxes,
        "class,image,left,top,right,bottom,by",
        "cow,a,1,2,30,40,me",
        "horse,a,0,0,1.5,1,me",
        merge=(("horse", "cow"),),
    )

    assert not problems
    assert said["a"].tolist() == [[1, 2, 1, 40, 30], [1, 0, 0, 1, 1.5]]


def test_convention_a_click_is_a_pixel_given_as_column_and_row(table):
    """x, y in the table; (row, column) in memory; one pixel wide."""
    said, problems = table(read_clicks, "image,class,x,y", "a,sheep,7,3", "a,cow,1,2")

    assert not problems
    assert [(s.label, s.points.tolist(), s.width_px) for s in said["a"]] == [(3, [[3, 7]], 1), (1, [[2, 1]], 1)]


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 3), st.integers(0, 99), st.integers(0, 99)), max_size=9)
)
def test_every_click_is_read_once(tmp_path_factory, clicks):
    """Whatever their order and number."""
    folder = tmp_path_factory.mktemp("clicks")
    rows = ["image,class,x,y", *(f"{key},{label},{x},{y}" for key, label, x, y in clicks)]
    (folder / "clicks.csv").write_text("\n".join(rows))
    legend = read_legend(folder, Declaration(classes=("k", "l", "m", "n")))

    said, problems = read_clicks(folder / "clicks.csv", legend, KEYS)

    read = [(key, s.label, int(s.points[0, 1]), int(s.points[0, 0])) for key in KEYS for s in said.get(key, ())]
    assert not problems
    assert read == sorted(clicks, key=lambda click: KEYS.index(click[0]))


BAD = {
    read_tags: [
        ("z,cow,", "no image 'z'"),
        ("a.txt,cow,", "no image 'a.txt'"),
        ("a,cwo,", "unknown class 'cwo'"),
        ("b,cow;sheep,sheep", "'sheep' is both present and absent"),
        ("a,cow", "2 cells"),
        ("a,cow|horse,", "write 'cow;horse'"),
        ('a,"cow, horse",', "write 'cow;horse'"),
    ],
    read_sizes: [
        ("a,cow,30%,0.5", "min is '30%'"),
        ("a,cow,0.5,0.2", "from 0.5 to 0.2"),
        ("a,horse,30,50", "from 30 to 50"),
        ("a,horse,-0.1,", "from -0.1 to 1"),
        ("a,horse,nan,", "min is 'nan'"),
        ("a,sheep,0,0,3", "5 cells"),
        ("b,cow,0.1,0.2", "a second size of 'cow'"),
    ],
    read_boxes: [
        ("a,cow,5,5,5,9", "is empty"),
        ("a,cow,5,9,9,5", "is empty"),
        ("a,cow,5,,9,5", "top is ''"),
        ("a,7,1,1,2,2", "unknown class '7'"),
    ],
    read_clicks: [
        ("a,cow,1,inf", "y is 'inf'"),
        ("a,cow,x,1", "x is 'x'"),
        ("z,cow,1,1", "no image 'z'"),
        ("C:\\x\\a.png,cow,1,1", "write 'a'"),
    ],
}
GOOD = {
    read_tags: ("image,present,absent", "c.2,cow,"),
    read_sizes: ("image,class,min,max", "b,cow,0.1,0.5"),
    read_boxes: ("image,class,left,top,right,bottom", "c.2,cow,1,2,3,4"),
    read_clicks: ("image,class,x,y", "c.2,cow,1,2"),
}


@pytest.mark.parametrize("reader", BAD)
def test_every_bad_row_is_told_with_its_line_and_good_rows_are_kept(table, tmp_path, reader):
    """All findings of a file at once."""
    said, problems = table(reader, *GOOD[reader], "", *(row for row, _ in BAD[reader]))

    assert len(problems) == len(BAD[reader])
    for line, (problem, (_, found)) in enumerate(zip(problems, BAD[reader], strict=True), start=4):
        assert f"{tmp_path / 'table.csv'}, line {line}: " in str(problem)
        assert found in str(problem)
    assert GOOD[reader][1].split(",")[0] in said


@pytest.mark.parametrize("reader", READERS.values())
@pytest.mark.parametrize(
    ("lines", "found"), [(("image;class;x",), "has no column"), (("",), "has no column"), (('"image',), "not a table")]
)
def test_a_file_that_is_no_such_table_is_told(table, reader, lines, found):
    """Semicolons between cells, nothing at all, or a quote that never ends."""
    said, problems = table(reader, *lines)

    assert not said
    assert [found in str(problem) for problem in problems] == [True]


@pytest.mark.parametrize("reader", READERS.values())
def test_a_file_that_cannot_be_read_is_told(tmp_path, reader):
    """Missing, or in another encoding."""
    legend = read_legend(tmp_path, Declaration(classes=("Kälber",)))
    (tmp_path / "b.csv").write_bytes("image,class\na,Kälber".encode("latin-1"))

    for name, found in (("a.csv", "is missing"), ("b.csv", "not UTF-8")):
        assert found in str(reader(tmp_path / name, legend, KEYS)[1][0])


@pytest.mark.parametrize(("mark", "name"), [(";", "';'"), ("\t", "tabs")])
def test_other_marks_between_cells_are_named(table, mark, name):
    """The advice is about the whole table, and not to remove its first line."""
    _, (problem,) = table(read_boxes, "image,class,left,top,right,bottom".replace(",", mark), f"a{mark}cow")
    assert f"commas instead of {name}" in problem.fix

    _, (problem,) = table(read_boxes, "image,label,xmin,ymin,xmax,ymax", "a,cow,1,1,2,2")
    assert "add a first line with the column names" in problem.fix


def test_a_column_that_stands_there_twice_is_told(table):
    """Either may be the one that is meant."""
    said, (problem,) = table(read_clicks, "image,class,class,x,y", "a,cow,sheep,1,1")
    assert not said
    assert "several columns class" in str(problem)


def test_a_row_may_say_nothing(table):
    """An image in tags.csv without a class: nobody said."""
    assert table(read_tags, "image,present,absent", "a,,") == ({}, [])
