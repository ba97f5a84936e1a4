"""The studio inside a cell of a notebook: the page by a real connection, and what comes back."""

import json
import re
from http.cookiejar import CookieJar
from urllib.error import URLError
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

import numpy as np
import pytest

import weakseg
from weakseg.errors import DataInvalid


@pytest.fixture
def drawing():
    """Two grey images that are open."""
    opened = weakseg.draw([np.full((3, 8, 10), 0.5, np.float32), np.zeros((1, 6, 6))], ["sky", "sea"])
    yield opened
    opened.end()


def test_a_stroke_in_the_cell_comes_back_as_labels(drawing):
    """The frame's address gives the page once; a mark is in `labels`, and in the folder."""
    port, token = re.search(r":(\d+)/\?token=([\w-]+)", drawing._repr_html_()).groups()
    home = f"http://127.0.0.1:{port}"
    browser = build_opener(HTTPCookieProcessor(CookieJar()), ProxyHandler({}))
    with browser.open(f"{home}/?token={token}", timeout=20) as page:
        assert "weakseg studio" in page.read().decode()
        assert "frame-ancestors http://127.0.0.1:* http://localhost:*" in page.headers["content-security-policy"]
    mark = {"stroke": {"class": "sea", "points": [[2, 3], [6, 3]], "width": 1}}
    said = {"Content-Type": "application/json", "Origin": home}
    body = json.dumps({"revision": 0, "mark": mark}).encode()
    browser.open(Request(f"{home}/api/images/0/marks", body, said), timeout=20).close()
    labels = drawing.labels()
    assert drawing.classes == ("sky", "sea")
    assert (labels["0000"][3, 2:7] == 1).all()
    assert (labels["0001"] == weakseg.UNLABELED).all()
    assert (drawing.folder / "scribbles" / "0000.png").is_file()


def test_it_ends_and_opens_again(drawing):
    """A cell that is run again ends the studio that it had; nothing answers after the end."""
    again = weakseg.draw(drawing.folder)
    assert again.classes == ("sky", "sea")
    again.end()
    for address in (drawing.address, again.address):
        with pytest.raises(URLError):
            build_opener(ProxyHandler({})).open(address, timeout=20)


@pytest.mark.parametrize("images", [[], [np.full((8, 8, 3), 0.5)], [np.full((3, 8, 8), 200)]])
def test_arrays_that_are_no_images_are_refused(images):
    """It says what they are."""
    with pytest.raises(DataInvalid, match="images"):
        weakseg.draw(images)
