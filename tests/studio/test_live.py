"""What stage A answers while labels are drawn."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

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
