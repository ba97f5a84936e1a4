"""The report of one or several runs."""

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from finished_run import METRICS, FinishedRun
from images import Squares, tiny_recipe

from weakseg import AlphaExpansion, Fit, JointProjection, PartialDice, Phase, SeedsOnly, Sum
from weakseg.errors import DataInvalid
from weakseg.report.page import write_report
from weakseg.types import UNLABELED, Classes


class Page(HTMLParser):
    """What is in a page: its tags, their attributes and the text in between."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Collects a tag."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        """Collects text."""
        self.text.append(data.strip())

    @property
    def images(self):
        """Sources of all images."""
        return [value for tag, name, value in self.attributes if (tag, name) == ("img", "src")]

    @property
    def captions(self):
        """Alternative texts of all images."""
        return [value for tag, name, value in self.attributes if (tag, name) == ("img", "alt")]


def report(tmp_path, *runs):
    """The page about some runs."""
    write_report(runs, tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_one_run_is_shown_with_everything_there_is(tmp_path):
    """Setup, curves, scores, labels and images."""
    page = report(tmp_path, FinishedRun(tmp_path / "hearts"))
    said = " ".join(page.text)
    setup = ("hearts", "an abacus", "torch 9.9", "Tiny(", "joint: all at once")
    for part in (*setup, "training loss", "validation mIoU", "square", "100 %"):
        assert part in said
    assert "validation mean Dice" not in said
    assert page.tags.count("svg") == 4
    assert "squares0: prediction" in page.captions
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in page.images)


def test_the_page_asks_nothing_of_the_network(tmp_path):
    """No link, no script, no style from elsewhere: it can be sent by mail and opened in ten years."""
    page = report(tmp_path, FinishedRun(tmp_path / "hearts"))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    sources = [value for _, name, value in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert all(value.startswith("data:") for value in sources)
    assert not re.search(r"url\((?!data:)|@import", (tmp_path / "report.html").read_text())


def test_names_from_users_are_only_text(tmp_path):
    """A class, a run folder or a recipe cannot add anything to the page but letters."""
    evil = "<script>alert('&')</script><img src=x>"

    @dataclass(frozen=True)
    class Evil(Squares):
        @property
        def classes(self):
            return Classes(("background", evil), background=0)

        @property
        def keys(self):
            return tuple(f"{evil}{i}" for i in range(self.count))

    recipe = tiny_recipe(training=Evil(), validation=Evil(2))
    run = FinishedRun(tmp_path / "<b>bold", recipe=recipe, classes=Evil().classes)
    (run.path / "recipe.py").write_text(f"# {evil}")
    page = report(tmp_path, run)
    assert not {"script", "b"} & set(page.tags)
    assert all(uri.startswith("data:") for uri in page.images)
    assert evil in page.text
    assert "<b>bold" in page.text


def test_several_runs_stand_side_by_side(tmp_path):
    """Runs on the same images share a table, in which the better one is marked, and a gallery."""
    good, bad = FinishedRun(tmp_path / "good"), FinishedRun(tmp_path / "bad", level=0.3)
    page = report(tmp_path, good, bad)
    cells = [value.split()[-1] for tag, name, value in page.attributes if (tag, name) == ("td", "class")]
    assert "best" in cells
    assert page.text.count("Scores") == 1
    row = [caption for caption in page.captions if caption.startswith("squares3:")]
    assert [caption.split(": ")[1] for caption in row] == [
        "image", "prediction · good", "prediction · bad", "truth"
    ]  # fmt: skip


@dataclass(frozen=True)
class Scribbled(Squares):
    """The same squares, a stroke of each class drawn on them."""

    def __getitem__(self, index):
        """One image."""
        sample, seeds = super().__getitem__(index), np.full((self.size, self.size), UNLABELED)
        rows = np.flatnonzero((sample.truth == 1).any(1))
        seeds[rows[3], :] = sample.truth[rows[3], :]
        return replace(sample, seeds=seeds)


@dataclass(frozen=True)
class Elsewhere(Squares):
    """The same squares in another place."""


def test_other_labels_on_the_same_images_are_compared(tmp_path):
    """What each learnt from, how much was drawn and what share of the score it reaches, before anything else."""
    full = FinishedRun(tmp_path / "masks", recipe=tiny_recipe())
    weak = FinishedRun(
        tmp_path / "strokes", recipe=tiny_recipe(training=Scribbled(), validation=Elsewhere(4)), level=0.3
    )
    page = report(tmp_path, full, weak)
    said = " ".join(page.text)
    assert "Same images, network and number of epochs. masks learnt from full masks: mIoU" in said
    assert re.search(
        r"strokes learnt from marks on 4\.2 % of the pixels: mIoU 0\.\d+, \d+ % of what masks scores", said
    )
    assert page.text.count("Scores") == 1
    assert page.text.count("Training labels") == 1
    taught = [caption.split(": ")[1] for caption in page.captions][:5]
    assert taught == ["image", "labels · strokes", "prediction · masks", "prediction · strokes", "truth"]
    assert page.text.index("Training labels") < page.text.index("Scores") < page.text.index("Training")


def test_dice_says_what_it_is_a_mean_over(tmp_path):
    """Images that stand alone are no volumes."""
    said = " ".join(report(tmp_path, FinishedRun(tmp_path / "run")).text)
    assert "Dice is the mean over 4 images" in said
    assert "volumes" not in said


def test_no_column_is_wider_than_a_phone(tmp_path):
    """A least width in pixels holds only as far as the screen does, where it is more than a phone has."""
    report(tmp_path, FinishedRun(tmp_path / "run"))
    style = (tmp_path / "report.html").read_text(encoding="utf-8")
    least = [int(width) for width in re.findall(r"minmax\((\d+)px", style)]
    assert least
    assert max(least) < 100


def test_runs_on_other_images_are_not_compared(tmp_path):
    """Each set of images has a table of its own."""
    other = FinishedRun(tmp_path / "other", recipe=tiny_recipe(validation=Squares(3)))
    assert report(tmp_path, FinishedRun(tmp_path / "run"), other).text.count("Scores") == 2


def test_the_worst_image_comes_first(tmp_path):
    """Images stand in the order of their own mean IoU."""
    page = report(tmp_path, FinishedRun(tmp_path / "run", level=0.57))
    shares = [float(text.split()[1]) for text in page.text if re.fullmatch(r"IoU \d\.\d+", text)]
    assert len(shares) == 4
    assert shares == sorted(shares)


def test_runs_of_the_same_name_are_told_apart(tmp_path):
    """Their whole paths are shown."""
    runs = [FinishedRun(tmp_path / folder / "run") for folder in ("a", "b")]
    assert str(runs[1].path) in report(tmp_path, *runs).text


def test_what_cannot_be_had_is_said_and_the_rest_is_shown(tmp_path):
    """A run without weights, validation or remade images still has its curves and setup."""
    recipe = tiny_recipe(validation=None)
    object.__setattr__(recipe, "training", "my.Images()")
    run = FinishedRun(tmp_path / "run", recipe=recipe)
    said = " ".join(report(tmp_path, run).text)
    assert "has no validation images" in said
    assert "were made by your own code" in said
    assert "training loss" in said


def test_a_run_that_was_stopped_at_once_has_a_page(tmp_path):
    """No epoch, no curve, no failure."""
    run = FinishedRun(tmp_path / "run", metrics=[])
    (run.path / "best.safetensors").unlink()
    page = report(tmp_path, run)
    assert "svg" not in page.tags
    assert "best.safetensors is missing" in " ".join(page.text)


def test_diverged_and_unvalidated_epochs_are_gaps(tmp_path):
    """A value that is no number is no point."""
    metrics = [*METRICS, {**METRICS[0], "epoch": 2, "loss": float("nan")}]
    page = report(tmp_path, FinishedRun(tmp_path / "run", metrics=metrics))
    assert "nan" not in " ".join(value for tag, _, value in page.attributes if tag in ("path", "circle"))


def test_an_older_report_is_replaced_and_other_files_stay(tmp_path):
    """A page may be written again; what is not a page of weakseg's is refused before any work."""
    run, out = FinishedRun(tmp_path / "run"), tmp_path / "page.html"
    write_report([run], out)
    write_report([replace(run, record={"machine": "a new machine"})], out)
    assert "a new machine" in out.read_text()
    out.write_text("<p>my own notes</p>")
    with pytest.raises(DataInvalid, match="not a page of weakseg"):
        write_report([run], out)
    assert out.read_text() == "<p>my own notes</p>"
    with pytest.raises(DataInvalid, match="exists, and is not"):
        write_report([run], tmp_path)


def test_the_page_is_small(tmp_path):
    """Images are shown small, so that a page can be sent."""
    report(tmp_path, FinishedRun(tmp_path / "run", recipe=tiny_recipe(validation=Squares(40))))
    assert (tmp_path / "report.html").stat().st_size < 5e6


def test_runs_with_other_numbers_of_phases_stand_side_by_side(tmp_path):
    """What one of them does not say is a dash."""
    two = tiny_recipe(phases=tuple(Phase(Fit(SeedsOnly()), n) for n in (1, 2)))
    runs = [FinishedRun(tmp_path / "one"), FinishedRun(tmp_path / "two", recipe=two)]
    page = report(tmp_path, *runs)
    assert "Phase 2" in page.text
    assert "–" in page.text


def test_each_update_of_remembered_segmentations_is_listed(tmp_path):
    """Which solver found them before which epoch, with what proves and judges them; columns that nobody has are left
    out, and what one update does not know is a dash."""
    swept = {"targets_there": 0, "targets_seconds": 1.5, "targets_bound": None}
    more = {"targets_energy": 0.75, "targets_bound": 0.5, "targets_gap": 0.25, "targets_confidence": 0.875}
    metrics = [METRICS[0] | swept | {"targets_energy": 3.0}, METRICS[1] | swept | more]
    phases = (
        Phase(Fit(AlphaExpansion()), epochs=1, update_targets_every=1),
        Phase(Sum((Fit(JointProjection()), PartialDice())), epochs=1, update_targets_every=1),
    )

    page = report(tmp_path, FinishedRun(tmp_path / "hearts", tiny_recipe(phases=phases), metrics=metrics))

    said = [text for text in page.text if text]
    start = said.index("before epoch")
    names = ["before epoch", "solver", "mean confidence", "energy", "lower bound", "gap", "seconds"]
    first = ["1", "AlphaExpansion", "–", "3", "–", "–", "1.5"]
    second = ["2", "JointProjection", "0.875", "0.75", "0.5", "0.25", "1.5"]
    assert said[start : start + 21] == names + first + second
    assert "Targets: 2 updates" in said
    assert "before epoch" not in report(tmp_path, FinishedRun(tmp_path / "without")).text
