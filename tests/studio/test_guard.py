"""What is not the studio's own page on this machine is refused."""

import json

import pytest

STROKE = {"class": "cow", "points": [[3, 3], [9, 3]], "width": 3}
WRITING = (
    "/api/classes",
    *(f"/api/images/0/{what}" for what in ("marks", "reload")),
    *(f"/api/training/{what}" for what in ("start", "stop", "resume")),
)
"""Every route that changes something."""


def test_nothing_is_shown_without_the_token(opened, cows):
    """Neither the page, nor an image, nor what is drawn; a wrong token and a wrong cookie do not help."""
    client = opened(cows)
    images = [f"/api/images/0/{what}" for what in ("image", "thumbnail", "network", "scribbles", "marks")]
    images.append("/api/images/0/segmentation?revision=0")
    for path in ("/", "/?token=", "/?token=wrong", "/page/main.js", "/api/project", "/api/now", "/api/queue", *images):
        assert client.get(path).status_code == 403, path
    assert client.get("/api/project", headers={"Cookie": "weakseg_8000=secret"}).status_code == 403


def test_the_token_opens_the_page_once(opened, cows):
    """It becomes a strict cookie that scripts cannot read, and the address is of no use to the next one."""
    client = opened(cows)
    first = client.get("/?token=secret", follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=Strict"} <= {*first.headers["set-cookie"].split("; ")}
    assert "secret" not in first.headers["set-cookie"]
    assert client.get("/api/project").status_code == 200
    client.cookies.clear()
    assert client.get("/?token=secret").status_code == 403


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1:9000", "127.0.0.1", "127.0.0.1.evil.example:8000"])
def test_a_foreign_host_is_refused(browser, cows, host):
    """Else a page whose name leads to this machine could read everything (DNS rebinding); the token does not help."""
    assert browser(cows).get("/api/project", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9000", "https://127.0.0.1:8000"])
def test_a_foreign_page_writes_nothing(browser, cows, origin):
    """It is refused though the browser sends the cookie; so is a page that says nothing of its origin."""
    client, body = browser(cows), {"revision": 0, "mark": {"stroke": STROKE}}
    assert client.post("/api/images/0/marks", json=body, headers={"Origin": origin}).status_code == 403
    assert client.get("/api/project", headers={"Origin": origin}).status_code == 403
    del client.headers["Origin"]
    assert client.post("/api/images/0/marks", json=body).status_code == 403
    assert not (cows / "studio").exists()


@pytest.mark.parametrize("path", WRITING)
def test_every_writing_route_is_guarded(opened, browser, cows, path):
    """Without cookie or origin, from another page, as a form, too large, or of no image: nothing is done."""
    body = {"revision": 0, "mark": {"stroke": STROKE}, "name": "horse"}
    assert opened(cows).post(path, json=body, headers={"Origin": "http://127.0.0.1:8000"}).status_code == 403
    client = browser(cows)
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example:8000"}, {"Content-Type": "text/plain"}):
        assert client.post(path, content=json.dumps(body), headers=headers).status_code == 403
    large = {**body, "name": "x" * 300_000}
    assert client.post(path, json=large).status_code == 413
    if "/0/" in path:
        assert client.post(path.replace("/0/", "/9/"), json=body).status_code == 404
    assert client.post(path, json=[1]).status_code == 400
    assert sorted(each.name for each in cows.iterdir()) == ["classes.txt", "images"]


def test_a_form_writes_nothing(browser, cows):
    """What a page can send without being asked has another content type."""
    body = json.dumps({"revision": 0, "mark": {"stroke": STROKE}})
    answer = browser(cows).post("/api/images/0/marks", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 403


def test_the_page_runs_its_own_files_alone(browser, cows):
    """No inline code, nothing from elsewhere, in no frame; answers that refuse say so too."""
    client = browser(cows)
    for path in ("/", "/page/main.js", "/api/project", "/api/images/9/image", "/?token=wrong"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
    page = client.get("/").text
    assert "<script>" not in page
    assert "style=" not in page
    assert "onclick" not in page
    assert client.get("/").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "%2e%2e%2fapp.py", "app.py", "/etc/passwd"])
def test_only_files_of_the_page_are_served(browser, cows, name):
    """A name is looked up in a list, and never becomes a path."""
    assert browser(cows).get(f"/page/{name}").status_code == 404


def test_images_are_numbers(browser, cows):
    """No path of the disk can be asked for."""
    client = browser(cows)
    for name in ("2", "a", "a.png", "-1", "..%2f..%2fclasses.txt"):
        assert client.get(f"/api/images/{name}/image").status_code == 404


def test_a_large_body_is_refused(browser, cows):
    """By what it states, and by what it is where it states nothing."""
    client, headers = browser(cows), {"Content-Type": "application/json"}
    large = b"[" + b"1," * 200_000 + b"1]"
    assert client.post("/api/images/0/marks", content=large, headers=headers).status_code == 413
    chunks = (large[start : start + 1000] for start in range(0, len(large), 1000))
    assert client.post("/api/images/0/marks", content=chunks, headers=headers).status_code == 413


@pytest.mark.parametrize(
    "mark",
    [
        {"stroke": STROKE | {"points": [[1, 1]] * 4001}},
        {"stroke": STROKE | {"points": [[1, 1e9]]}},
        {"stroke": STROKE | {"width": 1e6}},
        {"erase": {"points": [[-40, 0]], "width": 3}},
        {"click": {"class": "cow", "x": 32, "y": 0}},
        {"box": {"class": "cow", "left": 0, "top": 0, "right": 33, "bottom": 9}},
    ],
)
def test_counts_and_coordinates_are_bounded(browser, cows, draw, mark):
    """No mark has thousands of points, or lies far from the image."""
    assert draw(browser(cows), **mark).status_code == 413


def test_marks_of_an_image_are_bounded(browser, cows, draw, monkeypatch):
    """The journal does not grow without end."""
    monkeypatch.setattr("weakseg.studio.labels.journal.MOST_MARKS", 2)
    client = browser(cows)
    assert [draw(client, stroke=STROKE).status_code for _ in range(3)] == [200, 200, 413]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"revision": 0}',
        b'{"revision": 0, "mark": {"stroke": {"class": "cow", "points": [[NaN, 1]], "width": 3}}}',
        b'{"revision": 0, "mark": {"stroke": {"class": "cow", "points": [[true, 1]], "width": 3}}}',
        b'{"revision": 0, "mark": {"stroke": {"class": "horse", "points": [[1, 1]], "width": 3}}}',
        b'{"revision": 0, "mark": {"box": {"class": "cow", "left": 5, "top": 0, "right": 5, "bottom": 9}}}',
        b'{"revision": 0, "mark": {"run": {"code": "1"}}}',
        b'{"revision": 0, "mark": {"reload": {"file": "scribbles", "digest": "../../x"}}}',
        b'{"revision": "0", "mark": {"undo": {}}}',
    ],
)
def test_what_is_no_mark_is_refused(browser, cows, body):
    """Nothing of it is written."""
    answer = browser(cows).post("/api/images/0/marks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert not (cows / "studio").exists()
