"""Opens what weakseg writes with the programs it is written for.

Each program has a Python of its own, because their packages do not go together; those that are not named are skipped:

    python docs/real_programs.py --labelme LABELME/bin/python --napari NAPARI/bin/python \
        --pycocotools ORACLES/bin/python --label-studio ORACLES/bin/python

`pip install` makes each of them: labelme; "napari[pyqt6]"; pycocotools; label-studio-sdk. No window is shown, and
napari is its model without one, because windows need OpenGL. The program opens the files, and what it holds then is
compared pixel by pixel with what was written.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from weakseg.annotations.writing import WRITERS
from weakseg.formats.writers.segmented import Segmented

CLASSES = ("ground", "ring", "cross & <dot>")

LABELME = """
from PyQt5 import QtWidgets
from labelme.app import MainWindow
app = QtWidgets.QApplication([])
window = MainWindow(file_or_dir="scene.png", config_overrides={"auto_save": False})
window._load_file("scene.json")
for shape in window._canvas_widgets.canvas.shapes:
    left, top = int(shape.points[0].x()), int(shape.points[0].y())
    height, width = shape.mask.shape
    area = found[top:top + height, left:left + width]
    area[shape.mask] = classes.index(shape.label)
"""
NAPARI = """
import tomllib
from napari.components import ViewerModel
from napari.plugins import _initialize_plugins
_initialize_plugins()
viewer = ViewerModel()
viewer.open("scene.png")
(layer,) = viewer.open("labels/scene.tif", layer_type="labels")
told = tomllib.loads(open("labels/dataset.toml").read())
assert told["classes"] == classes
found = layer.data.astype(int) - told["first_value"]
"""
PYCOCOTOOLS = """
from pycocotools.coco import COCO
coco = COCO("instances.json")
for each in coco.loadAnns(coco.getAnnIds()):
    found[coco.annToMask(each) > 0] = classes.index(coco.loadCats(each["category_id"])[0]["name"])
"""
LABEL_STUDIO = """
from label_studio_sdk.converter.brush import decode_rle
(task,) = json.load(open("predictions.json"))
for each in task["predictions"][0]["result"]:
    size = each["original_height"], each["original_width"], 4
    found[decode_rle(each["value"]["rle"]).reshape(size)[..., 3] > 127] = classes.index(each["value"]["brushlabels"][0])
"""
PROGRAMS = {
    "labelme": ("labelme", LABELME),
    "napari": ("napari", NAPARI),
    "pycocotools": ("coco", PYCOCOTOOLS),
    "label-studio": ("label-studio", LABEL_STUDIO),
}
"""The format of each program, and what opens it: `found` is filled with class indices."""
FRAME = """
import json, sys
import numpy as np
classes, found = json.loads(sys.argv[1]), np.full(json.loads(sys.argv[2]), -1)
{}
np.save("found.npy", found)
"""


def scene() -> np.ndarray:
    """A ring with something in it, single pixels that touch by a corner, and pixels of no class."""
    rows, columns = np.mgrid[:61, :83]
    distance = np.hypot(rows - 30, columns - 40)
    labels = np.where((distance > 12) & (distance < 25), 1, 0)
    labels[28:33, 38:43] = 2
    labels[[3, 4, 5], [3, 4, 3]] = 2
    labels[50:, :9] = -1
    return labels


def opened(program: str, python: str, folder: Path) -> str:
    """What became of the labels in a program: a sentence."""
    format, code = PROGRAMS[program]
    labels = scene()
    Image.fromarray((labels * 80 + 80).astype(np.uint8)).convert("RGB").save(folder / "scene.png")
    for name, content in WRITERS[format]([Segmented("scene.png", labels)], CLASSES):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    done = subprocess.run(
        [python, "-c", FRAME.format(code), json.dumps(CLASSES), json.dumps(labels.shape)],
        cwd=folder,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return f"FAILED: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
    differing = int((np.load(folder / "found.npy") != labels).sum())
    return f"{'FAILED' if differing else 'ok'}: {differing} of {labels.size} pixels differ"


def main() -> None:
    """Open everything; exit code 1 if a program found something else."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for program in PROGRAMS:
        parser.add_argument(f"--{program}", metavar="PYTHON", help=f"Python that has {program}")
    named = {name: getattr(parser.parse_args(), name.replace("-", "_")) for name in PROGRAMS}
    failed = False
    for program, python in named.items():
        with TemporaryDirectory() as folder:
            said = "skipped" if python is None else opened(program, python, Path(folder))
        failed |= said.startswith("FAILED")
        print(f"{program}: {said}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
