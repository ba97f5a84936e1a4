"""What several runs make of the same validation images: `python docs/side_by_side.py OUT.png RUN RUN ...`.

From left to right: the image, each run's prediction in the order given, the truth; three images, evenly spread.
`docs/side_by_side.png` is of partial cross entropy, dense CRF proposals and robust trust region on scribbles, from
`recipes/tables/scenes.py` (figure 4 of Marin and Boykov 2021, on generated scenes).
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from weakseg.data.images.label_file import palette
from weakseg.data.overlay import as_rgb, resized, resized_labels, tinted
from weakseg.runs.datasets import dataset
from weakseg.runs.run import open_run

IMAGES, HEIGHT, GAP_PX = 3, 192, 8

runs = [open_run(Path(path)) for path in sys.argv[2:]]
if not runs:
    raise SystemExit(__doc__)
samples, colors = dataset(runs[0], "validation"), palette(len(runs[0].classes))
predictors = [run.predictor(which="last") for run in runs]
rows = []
for index in np.linspace(0, len(samples) - 1, IMAGES).round().astype(int).tolist():
    sample = samples[index]
    size = (HEIGHT, round(HEIGHT * sample.image.shape[2] / sample.image.shape[1]))
    image = resized(as_rgb(sample.image), size)
    labels = [*(predictor.labels(sample.image) for predictor in predictors), sample.truth]
    panels = [image, *(tinted(image, resized_labels(each, size), colors) for each in labels)]
    rows.append(np.concatenate([np.pad(p, ((0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255) for p in panels], 1))
width = max(row.shape[1] for row in rows)
rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
Image.fromarray(np.concatenate(rows)[:-GAP_PX, :-GAP_PX]).save(sys.argv[1], optimize=True)
