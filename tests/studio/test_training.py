"""A training goes on meanwhile, in a child process that ends with the studio."""

import json
import subprocess
import sys
import time
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from weakseg.studio.project import Project

BACKGROUND = {"class": "background", "points": [[2, 2], [28, 2]], "width": 2}
COW = {"class": "cow", "points": [[13, 12], [20, 12]], "width": 2}


def told(client) -> dict:
    """What the page is told of the training."""
    return client.get("/api/now").json()["training"]


def wait_for(client, state: str, seconds: float = 120, epochs: int = 0) -> dict:
    """Wait for a state, and for so many epochs."""
    until = time.monotonic() + seconds
    while (now := told(client))["state"] != state or len(now["losses"]) < epochs:
        assert time.monotonic() < until, now
        assert now["state"] != "failed" or state == "failed", now
        time.sleep(0.1)
    return now


def test_a_training_is_started_stopped_and_resumed(browser, cows, draw):
    """Its network counts in stage A and is shown; a second training is a new run; the child ends with the studio."""
    client = browser(cows)
    assert told(client)["state"] == "none"
    assert client.get("/api/images/0/network").status_code == 204
    draw(client, stroke=BACKGROUND)
    draw(client, stroke=COW)
    begun = client.post("/api/training/start", json={"network": "small", "epochs": 4000})
    assert begun.json()["training"]["state"] == "running"
    assert client.post("/api/training/start", json={"network": "small"}).status_code == 409
    assert client.post("/api/training/resume", json={}).status_code == 409
    wait_for(client, "running", epochs=1)
    draw(client, undo={})
    draw(client, undo={})  # its map is read again all the same
    now = wait_for(client, "running", epochs=3)
    assert (now["run"], now["epochs"]) == ("1", 4000)
    assert now["seconds_left"] > 0
    assert client.get("/api/now").json()["network"].startswith("1-")
    picture = np.asarray(Image.open(BytesIO(client.get("/api/images/0/network").content)))
    assert picture.shape == (24, 32)
    for _ in range(2):
        draw(client, redo={})
    done = len(client.post("/api/training/stop", json={}).json()["training"]["losses"])
    assert told(client)["state"] == "stopped"
    assert client.post("/api/training/resume", json={}).status_code == 200
    wait_for(client, "running", epochs=done + 1)
    client.post("/api/training/stop", json={})
    assert [each.name for each in (cows / "studio" / "runs").iterdir() if each.is_dir()] == ["1"]
    again = browser(cows)
    assert told(again)["state"] == "stopped"
    assert again.get("/api/now").json()["network"].startswith("1-")


def test_a_training_that_fails_says_why(browser, cows):
    """Nothing is drawn yet: the message of `weakseg train` is shown."""
    client = browser(cows)
    assert client.post("/api/training/resume", json={}).status_code == 409
    client.post("/api/training/start", json={"network": "small", "epochs": 1})
    now = wait_for(client, "failed")
    assert now["message"]
    assert "Traceback" not in now["message"]


def test_a_child_ends_with_its_studio(cows):
    """Also when that is killed: all that it sees is the end of its standard input."""
    command = [sys.executable, "-m", "weakseg.studio.child", "studio", str(cows), "--no-browser"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        assert "cows" in child.stderr.readline()
        child.stdin.close()
        assert child.wait(timeout=60) != 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"network": "../x", "epochs": 1}, 400),
        ({"network": ["small"]}, 400),
        ({"network": "small", "epochs": 0}, 400),
        ({"network": "small", "epochs": True}, 400),
        ({"network": "small", "epochs": 10**9}, 413),
        ({}, 400),
    ],
)
def test_what_is_trained_is_bounded(browser, cows, body, status):
    """No path and no option comes from the page."""
    client = browser(cows)
    assert client.post("/api/training/start", json=body).status_code == status
    assert not (cows / "studio").exists()


def test_scores_stand_beside_the_marks_that_there_were(browser, cows, draw):
    """The last of each run; undone marks and states do not count, and a run without a score is left out."""
    client = browser(cows)
    stroke = {"class": "cow", "points": [[13, 12], [20, 12]], "width": 2}
    for mark in ({"stroke": stroke}, {"stroke": stroke}, {"undo": {}}, {"state": {"said": "done"}}):
        assert draw(client, **mark).status_code == 200
    assert Project(cows).drawn() == 1
    runs = cows / "studio" / "runs"
    for number, marks, scores in ((1, 1, [0.2, 0.4]), (2, 5, []), (10, 9, [0.6])):
        (runs / str(number)).mkdir(parents=True)
        (runs / f"{number}.json").write_text(json.dumps({"network": "small", "epochs": None, "marks": marks}))
        lines = [
            {"epoch": at, "loss": 1, "learning_rate": 1, "seconds": 1, "mIoU": score} for at, score in enumerate(scores)
        ]
        (runs / str(number) / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = client.get("/api/now").json()["scores"]
    assert told == [{"run": "1", "marks": 1, "score": 0.4}, {"run": "10", "marks": 9, "score": 0.6}]
