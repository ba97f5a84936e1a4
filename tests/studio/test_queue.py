"""Which image comes next, and what is said of each."""

import time

import numpy as np

BACKGROUND = {"class": "background", "points": [[2, 2], [28, 2]], "width": 2}
COW = {"class": "cow", "points": [[13, 12], [20, 12]], "width": 2}


def ranked(client, count: int) -> dict:
    """The queue, once so many images are looked at."""
    until = time.monotonic() + 60
    while True:
        queue = client.get("/api/queue").json()
        if sum(score is not None for score in queue["scores"]) >= count:
            return queue
        assert time.monotonic() < until, queue
        time.sleep(0.05)


def test_states_are_marks_that_are_kept(browser, cows, draw):
    """Done and skipped images come last; undo takes it back; labels of files count as drawn."""
    (cows / "clicks.csv").write_text("image,class,x,y\nb,cow,13,13\n")
    client = browser(cows)
    assert client.get("/api/queue").json()["states"] == ["none", "drawn"]
    assert draw(client, state={"said": "skipped"}).json()["state"] == "skipped"
    draw(client, 1, state={"said": "done"})
    queue = browser(cows).get("/api/queue").json()
    assert (queue["states"], queue["order"]) == (["skipped", "done"], [1, 0])
    assert draw(client, undo={}).json()["state"] == "none"
    assert draw(client, 1, state={"said": "open"}).json()["state"] == "drawn"
    assert draw(client, 1, state={"said": "../done"}).status_code == 400
    assert draw(client, 1, state={"said": ["done"]}).status_code == 400


def test_images_without_marks_come_first(browser, cows, draw):
    """As long as no network says more; an image whose strokes leave little doubt comes after."""
    client = browser(cows)
    draw(client, stroke=BACKGROUND)
    draw(client, stroke=COW)
    queue = ranked(client, 1)
    assert queue["order"] == [1, 0]
    assert 0 <= queue["scores"][0] < 0.5


def test_where_the_network_is_unsure_or_contradicted_comes_first(browser, cows, draw):
    """A sure network that agrees with stage A leaves little to correct; one that contradicts the strokes much."""
    truth = np.zeros((24, 32))
    truth[8:18, 10:24] = 1
    wrong = np.stack([np.full((24, 32), 0.02), np.full((24, 32), 0.98)])
    client = browser(cows, lambda image: wrong)
    draw(client, 1, stroke=BACKGROUND)
    draw(client, 1, stroke=COW)
    queue = ranked(client, 2)
    assert queue["order"] == [1, 0]
    assert queue["scores"][0] < 0.2
    assert queue["scores"][1] > 0.5


def test_small_images_are_shown(browser, cows):
    """Each by its number."""
    client = browser(cows)
    assert client.get("/api/images/1/thumbnail").headers["content-type"] == "image/png"
    assert client.get("/api/images/2/thumbnail").status_code == 404
    assert client.get("/api/images/2/network").status_code == 404


def test_a_polygon_is_all_of_its_inside(browser, cows, draw):
    """Corners are at pixel centres, as those of strokes."""
    client = browser(cows)
    said = draw(client, polygon={"class": "cow", "points": [[3.5, 3.5], [9.5, 3.5], [9.5, 7.5], [3.5, 7.5]]}).json()
    assert said["shares"] == [0, 24]
    assert draw(client, polygon={"class": "cow", "points": [[0, 0], [9, 9]]}).status_code == 400
    assert draw(client, polygon={"class": "cow", "points": [[0, 0], [9, 9], [99, 0]]}).status_code == 413


def test_an_image_that_cannot_be_looked_at_holds_up_no_other(browser, cows):
    """Its network fails on it in a way that nobody foresaw."""

    def fails_once(image, calls=[]):  # noqa: B006
        calls.append(image)
        if len(calls) == 1:
            raise ZeroDivisionError
        return np.full((2, 24, 32), 0.5)

    assert None not in ranked(browser(cows, fails_once), 2)["scores"]
