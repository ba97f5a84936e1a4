"""A small folder that is open in the studio, and a browser that has its cookie."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra weakseg[studio] is not installed")

from starlette.testclient import TestClient

from weakseg.studio.app import application
from weakseg.studio.project import Project
from weakseg.studio.studio import Studio

HOST = "http://127.0.0.1:8000"


@pytest.fixture
def cows(tmp_path) -> Path:
    """Two images of a brown thing on green, and classes."""
    root = tmp_path / "cows"
    (root / "images").mkdir(parents=True)
    (root / "classes.txt").write_text("background\ncow\n")
    for key in ("a", "b"):
        pixels = np.full((24, 32, 3), (40, 160, 40), np.uint8)
        pixels[8:18, 10:24] = (140, 80, 30)
        Image.fromarray(pixels).save(root / "images" / f"{key}.png")
    return root


@pytest.fixture
def opened(request):
    """Open a folder: its application, and a browser without the cookie."""

    def open_(root: Path, predict=None) -> TestClient:
        studio = Studio(Project(root), predict)
        request.addfinalizer(studio.end)
        return TestClient(application(studio, 8000, "secret"), base_url=HOST)

    return open_


@pytest.fixture
def browser(opened):
    """Open a folder in a browser that has come by the address with the token."""

    def open_(root: Path, predict=None) -> TestClient:
        client = opened(root, predict)
        assert client.get("/?token=secret").status_code == 200
        client.headers["Origin"] = HOST
        return client

    return open_


@pytest.fixture
def draw():
    """Send a mark on image 0, at its present revision."""

    def draw_(client: TestClient, image: int = 0, /, **mark):
        revision = client.get(f"/api/images/{image}/marks").json()["revision"]
        return client.post(f"/api/images/{image}/marks", json={"revision": revision, "mark": mark})

    return draw_
