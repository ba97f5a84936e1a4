"""What stage A answers while labels are drawn."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from weakseg.studio import live
from weakseg.studio.stage_a import Answer

BACKGROUND = {"class": "background", "points": [[2, 2], [28, 2]], "width": 2}
COW = {"class": "cow", "points": [[13, 12], [20, 12]], "width": 2}


def solved(client, image=0, fine=1):
    """The answer for the present revision, and its labels."""
    revision = client.get(f"/api/images/{image}/marks").json()["revision"]
    answer = client.get(f"/api/images/{image}/segmentation?revision={revision}&fine={fine}")
    return answer, np.asarray(Image.open(BytesIO(answer.content))) if answer.content else None


@pytest.fixture
def truth():
    """The thing in the images."""
    mask = np.zeros((24, 32), np.uint8)
    mask[8:18, 10:24] = 1
    return mask


def test_strokes_of_two_classes_segment_the_image(browser, cows, draw, truth):
    """First it says what is missing; then there is a map of classes, its energy and its gap."""
    client = browser(cows)
    draw(client, stroke=BACKGROUND)
    answer, _ = solved(client)
    assert answer.status_code == 204
    assert "two classes" in answer.headers["x-status"]
    draw(client, stroke=COW)
    answer, labels = solved(client)
    assert (labels == truth).mean() > 0.97
    assert float(answer.headers["x-energy"]) >= 0
    assert 0 <= float(answer.headers["x-gap"]) < 0.5
    assert answer.headers["x-fine"] == "1"
    assert solved(client, fine=0)[0].status_code == 200


def test_a_box_segments_the_image(browser, cows, draw, truth):
    """The background needs no stroke then, and nothing of the class lies outside."""
    client = browser(cows)
    draw(client, box={"class": "cow", "left": 8, "top": 6, "right": 26, "bottom": 20})
    _, labels = solved(client)
    assert (labels[truth == 1] == 1).mean() > 0.9
    assert (labels[:6] == 0).all()


def test_an_absent_class_is_not_found(browser, cows, draw):
    """A tag forbids what a network sees, except where it is drawn."""
    probs = np.stack([np.full((24, 32), 0.1), np.full((24, 32), 0.9)])
    client = browser(cows, lambda image: probs)
    assert (solved(client)[1] == 1).all()
    draw(client, stroke=BACKGROUND)
    assert 1 in solved(client)[1]
    draw(client, tag={"class": "cow", "said": "absent"})
    answer, labels = solved(client)
    assert labels is None or (labels == 0).all()
    assert answer.status_code in (200, 204)


def test_an_older_revision_is_obsolete(browser, cows, draw):
    """It is not answered, so that the page never shows it."""
    client = browser(cows)
    draw(client, stroke=BACKGROUND)
    draw(client, stroke=COW)
    assert client.get("/api/images/0/segmentation?revision=1").status_code == 409


def test_the_layer_of_scribbles_is_transparent_elsewhere(browser, cows, draw):
    """The page lays it on the image."""
    client = browser(cows)
    draw(client, stroke=COW)
    picture = Image.open(BytesIO(client.get("/api/images/0/scribbles").content)).convert("RGBA")
    opaque = np.asarray(picture)[:, :, 3] > 0
    assert opaque[12, 13:21].all()
    assert not opaque[0].any()


def test_a_question_may_come_before_its_mark(browser, cows, draw):
    """The page asks together with the stroke, and is answered once that is saved."""
    client = browser(cows)
    draw(client, stroke=BACKGROUND)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(client.get, "/api/images/0/segmentation?revision=2&fine=0")
        time.sleep(0.1)
        assert not asked.done()
        draw(client, stroke=COW)
        assert asked.result(timeout=20).status_code == 200


def test_a_stroke_does_not_wait_for_an_older_finer_answer(browser, cows, draw, monkeypatch):
    """The finer answer of older labels is held up here, and the first one of newer labels still comes."""
    held = threading.Event()

    def slow(image, layers, classes, probs, cell_px):
        assert cell_px != 1 or held.wait(30)
        return Answer(np.zeros(image.shape[1:], int), 1.0, 0.0, "")

    monkeypatch.setattr(live, "answer", slow)
    client = browser(cows)
    draw(client, stroke=BACKGROUND)
    assert solved(client, fine=0)[0].headers["x-fine"] == "0"
    draw(client, stroke=COW)
    assert solved(client, fine=0)[0].headers["x-fine"] == "0"
    held.set()
    assert solved(client)[0].headers["x-fine"] == "1"


def test_an_image_that_is_opened_again_is_solved_again(browser, cows, draw, monkeypatch):
    """Also its finer answer, when the other image was left before it had any."""
    held = threading.Event()
    held.set()

    def slow(image, layers, classes, probs, cell_px):
        assert held.wait(30)
        return Answer(np.zeros(image.shape[1:], int), 1.0, 0.0, "")

    monkeypatch.setattr(live, "answer", slow)
    client = browser(cows)
    draw(client, stroke=BACKGROUND)
    assert solved(client)[0].headers["x-fine"] == "1"
    held.clear()
    with ThreadPoolExecutor(2) as threads:
        other = threads.submit(client.get, "/api/images/1/segmentation?revision=0&fine=1")
        time.sleep(0.1)
        again = threads.submit(client.get, "/api/images/0/segmentation?revision=1&fine=1")
        assert other.result(timeout=20).status_code == 409
        held.set()
        assert again.result(timeout=20).headers["x-fine"] == "1"
