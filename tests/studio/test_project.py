"""Marks are saved at once, and the folder stays one that `weakseg train` reads."""

import json

import numpy as np
import pytest
from PIL import Image

from weakseg.commands.studio import studio_and_show
from weakseg.data.folder.folder import Folder
from weakseg.errors import DataInvalid
from weakseg.studio.bare_images import folder_of_images
from weakseg.studio.labels.mark import Click
from weakseg.studio.project import Project
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

STROKE = {"class": "cow", "points": [[10, 10], [20, 10]], "width": 3}
BOX = {"class": "cow", "left": 9, "top": 7, "right": 25, "bottom": 19}


def scribbles_of(root, key="a"):
    """The values of a scribble map."""
    return np.asarray(Image.open(root / "scribbles" / f"{key}.png"))


def test_marks_are_labels_of_the_folder(browser, cows, draw):
    """A stroke, a click, a box and a tag are what training reads."""
    client = browser(cows)
    draw(client, stroke=STROKE)
    draw(client, click={"class": "background", "x": 2, "y": 20})
    draw(client, box=BOX)
    draw(client, 1, tag={"class": "cow", "said": "absent"})
    sample, other = Folder(str(cows), "all")
    assert (sample.seeds[9:12, 10:21] == 1).all()
    assert sample.seeds[0, 0] == UNLABELED
    assert [(stroke.label, stroke.points.tolist()) for stroke in sample.strokes] == [(0, [[20.0, 2.0]])]
    assert sample.boxes.tolist() == [[1.0, 7.0, 9.0, 19.0, 25.0]]
    assert sample.tags.tolist() == [PRESENT, PRESENT]
    assert other.tags.tolist() == [UNTOLD, ABSENT]


def test_undo_takes_marks_back_and_redo_brings_them(browser, cows, draw):
    """Both are marks too, of a revision of their own; tables that then hold nothing are gone, maps are empty."""
    client = browser(cows)
    draw(client, stroke=STROKE)
    draw(client, box=BOX)
    said = [draw(client, undo={}).json() for _ in range(2)][-1]
    assert (said["revision"], said["boxes"], said["undo"], said["redo"]) == (4, [], False, True)
    assert (scribbles_of(cows) == 255).all()
    assert not (cows / "boxes.csv").exists()
    said = [draw(client, redo={}).json() for _ in range(2)][-1]
    assert (said["revision"], len(said["boxes"]), said["redo"]) == (6, 1, False)
    assert (scribbles_of(cows)[10, 10:21] == 1).all()


def test_an_eraser_takes_away_what_it_touches(browser, cows, draw):
    """Pixels it covers, clicks it covers, boxes whose outline it crosses."""
    client = browser(cows)
    draw(client, stroke=STROKE)
    draw(client, click={"class": "cow", "x": 12, "y": 10})
    draw(client, box=BOX)
    said = draw(client, erase={"points": [[12, 10]], "width": 3}).json()
    assert (said["clicks"], len(said["boxes"])) == ([], 1)
    assert (scribbles_of(cows)[10, 10:21] == [1] + 3 * [255] + 7 * [1]).all()
    assert draw(client, erase={"points": [[9, 12]], "width": 1}).json()["boxes"] == []


def test_everything_is_there_after_a_kill(browser, cows, draw):
    """Half a line of the journal is cut off; labels that were not written yet are."""
    draw(browser(cows), stroke=STROKE)
    journal = cows / "studio" / "journal.jsonl"
    line = {"image": "a", "revision": 2, "mark": {"box": BOX}}
    journal.write_text(journal.read_text() + json.dumps(line) + "\n" + '{"image": "a", "rev')
    said = browser(cows).get("/api/images/0/marks").json()
    assert (said["revision"], said["boxes"]) == (2, [[1, 9, 7, 25, 19]])
    assert journal.read_text().endswith("}\n")
    assert (cows / "boxes.csv").read_text() == "image,class,left,top,right,bottom\na,cow,9,7,25,19\n"


def test_a_second_tab_gets_a_conflict(browser, cows, draw):
    """A mark on an old revision is not written, and the page can read the new one."""
    client = browser(cows)
    draw(client, stroke=STROKE)
    old = client.post("/api/images/0/marks", json={"revision": 0, "mark": {"undo": {}}})
    assert old.status_code == 409
    assert "another tab" in old.json()["error"]
    assert client.get("/api/images/0/marks").json()["revision"] == 1


def test_labels_that_were_there_are_the_start_and_are_kept(browser, cows, draw):
    """They show in the page; rows of other images stay, with columns that are not ours."""
    (cows / "scribbles").mkdir()
    before = np.full((24, 32), 255, np.uint8)
    before[20:22] = 0
    Image.fromarray(before).save(cows / "scribbles" / "a.png")
    held = (cows / "scribbles" / "a.png").read_bytes()
    (cows / "clicks.csv").write_text("image,class,x,y,who\na,cow,12,12,ann\nb,cow,13,13,bob\n")
    client = browser(cows)
    assert client.get("/api/images/0/marks").json()["clicks"] == [[1, 12, 12]]
    draw(client, stroke=STROKE)
    draw(client, click={"class": "cow", "x": 14, "y": 14})
    assert (scribbles_of(cows)[20:22] == 0).all()
    rows = (cows / "clicks.csv").read_text().split()
    assert rows == ["image,class,x,y,who", "b,cow,13,13,bob", "a,cow,12,12,", "a,cow,14,14,"]
    assert (cows / "studio" / "before" / "scribbles" / "a.png").read_bytes() == held
    again = browser(cows)
    said = [draw(again, undo={}) for _ in range(2)][-1].json()
    assert said["clicks"] == [[1, 12, 12]]
    assert (scribbles_of(cows) == before).all()


def test_files_of_other_programs_are_never_overwritten(browser, cows, draw):
    """A mark is refused and not saved, the page is told which file it is, and a new start changes nothing."""
    client = browser(cows)
    draw(client, stroke=STROKE)
    (cows / "scribbles" / "a.png").write_bytes(b"theirs")
    refused = draw(client, stroke=STROKE | {"width": 5})
    assert refused.status_code == 409
    assert "reload" in refused.json()["error"]
    told = []
    Project(cows, told.append)
    assert "scribbles/a.png was changed" in told[0]
    for each in (client, browser(cows)):
        said = each.get("/api/images/0/marks").json()
        assert (said["revision"], said["changed"]) == (1, ["scribbles/a.png"])
        unreadable = each.post("/api/images/0/reload", json={"revision": 1})
        assert unreadable.status_code == 409
        assert str(cows / "scribbles" / "a.png") in unreadable.json()["error"]
    assert (cows / "scribbles" / "a.png").read_bytes() == b"theirs"


def test_what_is_on_disk_is_reloaded_and_nothing_is_lost(browser, cows, draw):
    """Drawing goes on from it, undo brings back what was drawn before, and both outlive the studio."""
    client = browser(cows)
    draw(client, stroke=STROKE)
    ours = scribbles_of(cows)
    theirs = np.full((24, 32), 255, np.uint8)
    theirs[20:22] = 0
    Image.fromarray(theirs).save(cows / "scribbles" / "a.png")
    assert client.post("/api/images/0/reload", json={"revision": 0}).status_code == 409
    said = client.post("/api/images/0/reload", json={"revision": 1}).json()
    assert (said["revision"], said["changed"], said["shares"]) == (2, [], [64, 0])
    assert draw(client, stroke=STROKE).status_code == 200
    both = np.where(ours == 255, theirs, ours)
    assert (scribbles_of(cows) == both).all()
    again = browser(cows)
    assert [draw(again, undo={}).status_code for _ in range(2)] == [200, 200]
    assert (scribbles_of(cows) == ours).all()
    draw(again, redo={})
    assert (scribbles_of(cows) == theirs).all()


def test_a_reloaded_table_changes_the_images_it_names(browser, cows, draw):
    """Rows of other images too, drawn on here or not; what it says no more is gone."""
    client = browser(cows)
    draw(client, box=BOX)
    draw(client, 1, stroke=STROKE)
    (cows / "boxes.csv").write_text("image,class,left,top,right,bottom\nb,cow,1,2,3,4\n")
    assert client.post("/api/images/0/reload", json={"revision": 1}).json()["boxes"] == []
    assert client.get("/api/images/1/marks").json()["boxes"] == [[1, 1, 2, 3, 4]]
    draw(client, 1, box=BOX)
    assert (cows / "boxes.csv").read_text().split()[1:] == ["b,cow,1,2,3,4", "b,cow,9,7,25,19"]
    assert draw(client, undo={}).json()["boxes"] == [[1, 9, 7, 25, 19]]
    assert browser(cows).get("/api/images/1/marks").json()["boxes"] == [[1, 1, 2, 3, 4], [1, 9, 7, 25, 19]]


def test_stage_a_may_begin_before_files_are_written(cows):
    """Once the mark is in the journal: what it changes can be read then."""
    project, seen = Project(cows), []

    def then(image, revision):
        assert project.state(image)[0] == revision
        assert project.state(image)[1].clicks == ((1, 3, 4),)
        seen.append(((cows / "studio" / "journal.jsonl").exists(), (cows / "clicks.csv").exists()))

    project.add(0, 0, Click("cow", 3, 4), then)
    assert seen == [(True, False)]
    assert (cows / "clicks.csv").exists()


def test_values_of_the_folder_are_kept(browser, cows, draw):
    """Scribbles have the numbers that dataset.toml declares."""
    (cows / "dataset.toml").write_text("[scribbles]\nunlabeled = 0\nfirst_value = 1\n")
    draw(browser(cows), stroke=STROKE)
    assert sorted(np.unique(scribbles_of(cows))) == [0, 2]
    assert (Folder(str(cows), "all")[0].seeds[10, 10:21] == 1).all()


def test_bare_images_get_a_folder_beside_them(browser, cows, draw, tmp_path):
    """Classes are made in the page; the images stay where they are."""
    (cows / "images").rename(tmp_path / "photos")
    told = []
    data = folder_of_images(tmp_path / "photos", told.append)
    assert data == tmp_path / "photos-labels"
    assert "photos-labels" in told[0]
    client = browser(data)
    assert client.get("/api/project").json()["classes"] == []
    for name in ("background", "cow"):
        assert client.post("/api/classes", json={"name": name}).status_code == 200
    assert client.post("/api/classes", json={"name": "cow"}).status_code == 409
    assert client.post("/api/classes", json={"name": "a;b"}).status_code == 400
    draw(client, stroke=STROKE)
    assert (Folder(str(data), "all")[0].seeds[10, 10:21] == 1).all()
    assert folder_of_images(data, told.append) == data


def test_classes_of_a_declaration_are_not_changed(browser, cows):
    """Where dataset.toml says more than names, a class is added there."""
    (cows / "dataset.toml").write_text("[scribbles]\nfirst_value = 1\nunlabeled = 0\n")
    assert browser(cows).post("/api/classes", json={"name": "horse"}).status_code == 409


def test_a_damaged_journal_is_named(cows):
    """A line that is no mark stops the studio, with its number."""
    (cows / "studio").mkdir()
    (cows / "studio" / "journal.jsonl").write_text('{"image": "a"}\n')
    with pytest.raises(DataInvalid, match="line 1 is damaged"):
        Project(cows)
    (cows / "studio" / "journal.jsonl").write_text('{"image": "z", "mark": {"tag": {"class": "dog"}}}\n')
    with pytest.raises(DataInvalid, match=r"(?s)'z' is gone.*'dog' is gone"):
        Project(cows)


def test_a_folder_without_images_is_refused(tmp_path):
    """Before anything is made."""
    with pytest.raises(DataInvalid, match="holds no images"):
        studio_and_show(str(tmp_path), None, False, None, False)
    assert list(tmp_path.iterdir()) == []
