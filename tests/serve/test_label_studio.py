"""The backend of Label Studio over HTTP: four routes, brushes that its own reader reads, and what it refuses."""

import json
import threading
from http.client import HTTPConnection

import numpy as np
import pytest
from finished_run import Threshold
from PIL import Image

from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.evaluation.predictor import Predictor
from weakseg.formats.tools.label_studio import marks_of
from weakseg.marks.labels import labels_of
from weakseg.marks.uses import Uses
from weakseg.serve.backend import Backend, images_in, interface_of
from weakseg.serve.server import is_local, server_for
from weakseg.types import UNLABELED, Classes

CLASSES = Classes(("ground", "square"), background=0)
CONFIG = """<View><Image name="img" value="$photo"/><BrushLabels name="brush" toName="img">
<Label value="square"/><Label value="ruler"/></BrushLabels>
<KeyPointLabels name="points" toName="img"><Label value="square"/><Label value="ground"/></KeyPointLabels></View>"""
TASK = {"id": 7, "data": {"photo": "/data/upload/1/0a1b2c3d-scene.png"}}


@pytest.fixture
def scene(tmp_path):
    """An image of a bright square."""
    values = np.full((40, 60), 60, np.uint8)
    values[10:30, 20:45] = 200
    (tmp_path / "images" / "inner").mkdir(parents=True)
    Image.fromarray(values).save(tmp_path / "images" / "inner" / "scene.png")
    return values > 100


@pytest.fixture
def backend(tmp_path, scene):
    """A network that knows bright from dark."""
    return Backend(Predictor(Threshold(), CLASSES, 1), images_in(tmp_path / "images"), "run-1")


@pytest.fixture
def ask(backend):
    """Ask a running server: (status, answer)."""
    said = []
    server = server_for(backend, "127.0.0.1", 0, said.append)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def asked(method, route, body=None, headers=None, length=None):
        # The first answer of stage A compiles the graph cut, half a minute where other programs run.
        connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=120)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if length is not None:
            sent["Content-Length"] = str(length)
        try:
            connection.request(method, route, None if body is None else content, sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def seen(result, size):
    """Class indices of the brushes of an answer."""
    marks = marks_of("scene.png", [(f"region {i}", each) for i, each in enumerate(result)], lambda _: size, [])
    return labels_of(marks, size, 2, CLASSES.names.index, Uses()).seeds


def test_tasks_are_pre_annotated(ask, scene):
    """One brush for each class that the interface has, where the network sees it."""
    status, answer = ask("POST", "/predict", {"tasks": [TASK], "label_config": CONFIG})
    assert status == 200
    (found,) = answer["results"]
    assert [each["value"]["brushlabels"] for each in found["result"]] == [["square"]]
    assert {(each["from_name"], each["to_name"]) for each in found["result"]} == {("brush", "img")}
    assert (seen(found["result"], scene.shape) == np.where(scene, 1, UNLABELED)).all()
    assert found["model_version"] == "run-1"
    assert 0 < found["score"] <= 1


@pytest.mark.parametrize("kind", ["keypointlabels", "rectanglelabels"])
def test_stage_a_answers_what_is_drawn(ask, scene, kind):
    """A key point or a box of a class: its brush alone, along the edges of the image."""
    shape = {"keypointlabels": {"x": 50, "y": 50, "width": 1}, "rectanglelabels": {}}[kind]
    shape |= {} if kind == "keypointlabels" else {"x": 100 / 3, "y": 25, "width": 125 / 3, "height": 50, "rotation": 0}
    drawn = {"id": "a", "type": kind, "original_width": 60, "original_height": 40, "value": {**shape, kind: ["square"]}}
    body = {"tasks": [TASK], "label_config": CONFIG, "params": {"context": {"result": [drawn]}}}
    status, answer = ask("POST", "/predict", body)
    assert status == 200, answer
    (found,) = answer["results"]
    assert [each["value"]["brushlabels"] for each in found["result"]] == [["square"]]
    assert ((seen(found["result"], scene.shape) == 1) != scene).mean() < 0.05


def test_the_other_routes_answer(ask):
    """Health, setup and the webhook; what is unknown is said."""
    assert ask("GET", "/health")[1]["status"] == "UP"
    assert ask("POST", "/setup", {"project": "1", "schema": CONFIG})[1] == {"model_version": "run-1"}
    assert ask("POST", "/webhook", {"action": "ANNOTATION_CREATED"})[0] == 200
    assert ask("GET", "/etc/passwd")[0] == 404
    assert ask("POST", "/versions", {})[0] == 404


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"tasks": [], "label_config": CONFIG}, "no list of tasks"),
        ({"tasks": [TASK] * 101, "label_config": CONFIG}, "no list of tasks"),
        ({"tasks": [TASK], "label_config": "<View/>"}, "no BrushLabels"),
        ({"tasks": [TASK], "label_config": "<View"}, "no XML"),
        ({"tasks": [TASK], "label_config": '<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>'}, "no XML"),
        ({"tasks": [{"data": {"photo": "../../etc/passwd"}}], "label_config": CONFIG}, "not in the folder"),
        ({"tasks": [{"data": {"photo": "http://elsewhere/x.png"}}], "label_config": CONFIG}, "not in the folder"),
        ({"tasks": [TASK], "label_config": CONFIG, "params": {"context": {"result": ["a"]}}}, "damaged"),
    ],
)
def test_damaged_requests_are_one_sentence(ask, body, why):
    """And the server goes on."""
    status, answer = ask("POST", "/predict", body)
    assert status == 400
    assert why in answer["error"]
    assert ask("GET", "/health")[0] == 200


def test_bodies_are_bounded_and_of_json(ask):
    """Before anything is read."""
    assert ask("POST", "/predict", b"{}", length=10**12)[0] == 413
    assert ask("POST", "/predict", b"{}", {"Content-Type": "text/plain"})[0] == 415
    assert ask("POST", "/predict", b"[1]")[0] == 400
    assert ask("POST", "/predict", b"[" * 100_000)[0] == 400


def test_pages_of_other_sites_are_refused(ask):
    """Whose name leads to this machine."""
    assert ask("POST", "/predict", {}, {"Host": "evil.example:9090"})[0] == 403


def test_addresses_of_this_machine():
    """Everything else is for those who ask for it."""
    assert [is_local(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "example.org")] == [
        *([True] * 3),
        *([False] * 2),
    ]


def test_a_taken_port_is_said(backend):
    """With what to do."""
    server = server_for(backend, "127.0.0.1", 0, print)
    with server, pytest.raises(RecipeInvalid, match="cannot be used"):
        server_for(backend, "127.0.0.1", server.server_address[1], print)


def test_a_folder_without_images_is_said(tmp_path):
    """Before a port is opened."""
    with pytest.raises(DataInvalid, match="no images"):
        images_in(tmp_path)


def test_the_interface_names_its_parts():
    """As the project's owner called them."""
    found = interface_of(CONFIG)
    assert (found.control, found.image, found.value, found.labels) == ("brush", "img", "photo", ("square", "ruler"))
