"""Segmentations as files of annotation tools, by the tool's name."""

from weakseg.formats.writers.coco import write_coco
from weakseg.formats.writers.cvat import write_cvat
from weakseg.formats.writers.geojson import write_geojson
from weakseg.formats.writers.imagej import write_imagej
from weakseg.formats.writers.label_studio import write_label_studio
from weakseg.formats.writers.labelme import write_labelme
from weakseg.formats.writers.napari import write_napari
from weakseg.formats.writers.qupath import write_qupath
from weakseg.formats.writers.segmented import Write

WRITERS: dict[str, Write] = {
    "coco": write_coco,
    "cvat": write_cvat,
    "label-studio": write_label_studio,
    "labelme": write_labelme,
    "qupath": write_qupath,
    "geojson": write_geojson,
    "imagej": write_imagej,
    "napari": write_napari,
}
"""Writer of each format, by its name on the command line."""
