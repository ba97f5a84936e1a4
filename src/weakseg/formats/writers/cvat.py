"""CVAT for images: one XML file, a mask for each class of each image."""

from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from weakseg.formats.codes import run_lengths
from weakseg.formats.writers.segmented import Segmented


def write_cvat(images: Iterable[Segmented], classes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """One file, `annotations.xml`, to be uploaded to a task with the same images and labels."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    for name in classes:
        SubElement(SubElement(labels, "label"), "name").text = name
    for number, image in enumerate(images):
        height, width = image.labels.shape
        of_image = {"id": number, "name": image.name, "width": width, "height": height}
        element = SubElement(root, "image", {key: str(value) for key, value in of_image.items()})
        for label, top, left, mask in image.masks():
            of_mask = {
                "label": classes[label],
                "source": "auto",
                "occluded": 0,
                "rle": ", ".join(map(str, run_lengths(mask.ravel()))),
                "left": left,
                "top": top,
                "width": mask.shape[1],
                "height": mask.shape[0],
                "z_order": 0,
            }
            SubElement(element, "mask", {key: str(value) for key, value in of_mask.items()})
    indent(root)
    yield "annotations.xml", tostring(root, encoding="utf-8", xml_declaration=True)
