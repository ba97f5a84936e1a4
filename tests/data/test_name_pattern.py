"""Expressions on names of files: usual ones work, and none can take long."""

import time

import pytest

from weakseg.data.fold import Fold
from weakseg.data.folder.declaration import Declaration, read_declaration
from weakseg.data.name_pattern import found_in, problem_of
from weakseg.data.scenes import Scenes
from weakseg.errors import DataInvalid, RecipeInvalid

USUAL = [
    *(r"patient\d+", r"patient\d+_frame\d+", "patient[0-9]+", "^.", "[ax]", "", "^[^_]+", r"^\d{3}", r"(case|vol)\d+"),
    *(r"[A-Z]+-\d+-\d+-\d+", r"^(.+?)_\d+$", r"^(.*)_", r"\w+_slice", r"^\w+_\d+$", r"(?i)patient\d+", r"^.{8}"),
    *(r"^p(\d+)(_s\d+)?", ".*x", r"^(?:scan_)?\d+", r"sub-[a-z0-9]+_ses-\d+", r"\bcase\d+"),
    *("ACDC|MSD", r"^[^.]+\.", r"(?P<patient>\d+)", "é+_", r"\d{2,4}", "患者[0-9]+", r"(\d\d-){2}\d\d"),
]

HOSTILE = [
    *("(a+)+$", "(a*)*$", "(a|a)*$", "(a|aa)+$", "(.*a){20}$", "a*a*a*a*a*a*b", r"(\w+\s?)*$", "(a?){30}a{30}"),
    *("a?" * 30 + "a" * 30, "(a|a)" * 30 + "$", r"(.+)\1$", "(?=(a+))+b", r"(?:a{1,30}){1,30}$", ".*.*.*=x", "x" * 300),
    *("(?i)a*A*a*A*b", "[a-c]*[b-d]*[c-e]*x", "(x+x+)+y", r"^(([a-z])+.)+[A-Z]([a-z])+$", "(((((a*)*)*)*)*)*b"),
    *(".*?.*?.*?b", r"\D*\w*\S*!", "(?>a+)+b", "(a++)+b"),
]


@pytest.mark.parametrize("expression", USUAL)
def test_usual_expressions_work(expression):
    """Those of the documentation, and what people name files."""
    assert problem_of(expression) == ("", "")


@pytest.mark.parametrize("expression", HOSTILE)
def test_expressions_that_could_take_long_are_refused(expression):
    """Whether or not a name is there on which they do."""
    found, fix = problem_of(expression)
    assert "too many ways" in found or "longer than" in found
    assert "instead of" in fix


@pytest.mark.parametrize("expression", USUAL)
@pytest.mark.parametrize("name", ["a" * 250 + "!", "1" * 255, "_" * 255, "a_1" * 85, "aA" * 127, "patient" * 36])
def test_what_is_accepted_is_quick_on_the_longest_names(expression, name):
    """The count of ways is no guess: a name takes milliseconds."""
    started = time.process_time()
    found_in(expression, name)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("expression", ["(", "[z-a]", "a{5,2}", "*", "(?P<n>a)(?P<n>b)", "(" * 150])
def test_what_is_no_expression_is_said(expression):
    """With what one looks like."""
    assert "not a regular expression" in problem_of(expression)[0]


def test_the_first_match_names_the_volume():
    """As Python finds it."""
    assert found_in(r"patient\d+", "x_patient12_frame3") == "patient12"
    assert found_in(r"patient\d+", "x") is None


def test_declarations_and_folds_refuse_them(tmp_path):
    """In dataset.toml the file is named."""
    (tmp_path / "dataset.toml").write_text('volume = "(a+)+$"\n')
    with pytest.raises(DataInvalid, match="dataset.toml.*too many ways"):
        read_declaration(tmp_path)
    with pytest.raises(DataInvalid, match="too many ways"):
        Declaration(volume="(a+)+$")
    with pytest.raises(RecipeInvalid, match="too many ways"):
        Fold(Scenes(8), True, group="(a+)+$")
