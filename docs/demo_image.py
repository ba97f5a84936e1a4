"""Draws the README's image from a demonstration: `python docs/demo_image.py runs/demo/partial_cross_entropy`.

From left to right: the scene, what was drawn on it, what the network trained on such drawings predicts, the truth.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from weakseg.data.images.label_file import palette
from weakseg.data.overlay import as_rgb, resized, resized_labels, tinted
from weakseg.report.gallery import weak_labels
from weakseg.runs.run import open_run

SHOWN, SIZE, GAP_PX = (2, 8, 11), (192, 256), 8

run = open_run(sys.argv[1])
predictor, colors = run.predictor(), palette(len(run.classes))
rows = []
for index in SHOWN:
    sample = run.recipe.training[index]
    image = resized(as_rgb(sample.image), SIZE)
    labelled = [tinted(image, resized_labels(m, SIZE), colors) for m in (predictor.labels(sample.image), sample.truth)]
    panels = [image, weak_labels(sample, image, colors), *labelled]
    rows.append(np.concatenate([np.pad(p, ((0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255) for p in panels], 1))
Image.fromarray(np.concatenate(rows)[:-GAP_PX, :-GAP_PX]).save(Path(__file__).with_name("demo.png"), optimize=True)
