"""Many processes predict into one folder: nothing twice, nothing missing, the same bits as one process."""

import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from finished_run import Threshold
from PIL import Image
from rasters import UTM, scene, write

from weakseg.errors import DataInvalid, RunInvalid
from weakseg.evaluation.files.predict_files import predict_files
from weakseg.evaluation.files.predict_together import JOB, predict_together
from weakseg.evaluation.predictor import Predictor
from weakseg.types import Classes

PREDICTOR = Predictor(Threshold(), Classes(("dark", "bright")), 3, tile_px=256)
PROGRAM = """
import sys, time
from pathlib import Path
sys.path[:0] = {path!r}
from finished_run import Threshold
from weakseg.evaluation.files import predict_together as room
from weakseg.evaluation.predictor import Predictor
from weakseg.types import Classes
network = Predictor(Threshold(), Classes(("dark", "bright")), 3, tile_px=256)
images, out = sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[2])
whole = room.predict_one
def predict_one(predictor, path, *rest):
    print(path.stem, flush=True)
    time.sleep(0.1)
    whole(predictor, path, *rest)
room.predict_one = predict_one
room.predict_together(network, images, out)
"""


@pytest.fixture
def images(tmp_path):
    """Twelve small photos and two maps that are predicted by windows."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(scene(40, 50, seed=number)).save(folder / f"p{number:02d}.png")
    for number in range(2):
        write(folder / f"q{number}.tif", scene(400, 300, seed=number), tile=(128, 128), extratags=UTM)
    return sorted(folder.iterdir())


def content(folder):
    """The bytes of all masks."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".png", ".tif")}


def test_four_processes_of_which_two_are_killed_give_the_bits_of_one(images, tmp_path):
    """Nothing is done twice but what a killed one had begun, and nothing is missing."""
    expected, out = tmp_path / "expected", tmp_path / "out"
    predict_files(PREDICTOR, images, expected)
    begun = [[], [], [], []]
    with ExitStack() as stack:
        command = [sys.executable, "-c", PROGRAM.format(path=sys.path), str(images[0].parent), str(out)]
        processes = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) for _ in range(4)
        ]

        def listen(index):
            for line in processes[index].stdout:
                begun[index].append(line.strip())
                if index < 2:
                    processes[index].send_signal(signal.SIGKILL)

        threads = [threading.Thread(target=listen, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [process.returncode for process in processes[2:]] == [0, 0]
    assert content(out) == content(expected)
    names = [name for each in begun for name in each]
    killed = [each[-1] for index, each in enumerate(begun) if processes[index].returncode == -9]
    assert {*names} == {path.stem for path in images}
    assert len(names) <= len(images) + len(killed)
    hidden = {path.name for path in out.iterdir()} - {*content(out), JOB}
    assert not [name for name in hidden if "claim" in name or "windows" in name]


def test_a_finished_folder_is_joined_without_work(images, tmp_path):
    """As by the last tasks of an array of jobs."""
    out = tmp_path / "out"
    masks = predict_together(PREDICTOR, images, out)
    times = [mask.stat().st_mtime_ns for mask in masks]
    told = []
    assert predict_together(PREDICTOR, images, out, progress=lambda done, total: told.append(done)) == masks
    assert [mask.stat().st_mtime_ns for mask in masks] == times
    assert told == []


def test_masks_of_another_network_are_not_joined(images, tmp_path):
    """Nor those with other options, nor files of one's own."""
    predict_together(PREDICTOR, images[:2], tmp_path / "out")
    with pytest.raises(RunInvalid, match="another network"):
        predict_together(replace(PREDICTOR, numbers=(3, 4)), images, tmp_path / "out")
    with pytest.raises(RunInvalid, match="other options"):
        predict_together(PREDICTOR, images[:12], tmp_path / "out", overlays=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "p03.png").write_text("precious")
    with pytest.raises(DataInvalid, match=r"exist already: .*p03\.png"):
        predict_together(PREDICTOR, images, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["p03.png"]


def test_an_image_that_cannot_be_read_keeps_no_other(images, tmp_path):
    """All of them are named at the end."""
    images[3].write_bytes(images[3].read_bytes()[:100])
    with pytest.raises(DataInvalid, match=r"p03\.png"):
        predict_together(PREDICTOR, images, tmp_path / "out")
    assert len(content(tmp_path / "out")) == 13
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(images[3])
    assert len(predict_together(PREDICTOR, images, tmp_path / "out")) == 14
