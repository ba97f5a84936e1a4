"""Helpers of the readers' tests."""

import json
import os
from pathlib import Path

import pytest

from weakseg.formats.entry import Entry, forget
from weakseg.formats.tree import FolderTree

SAMPLES = Path(os.environ.get("WEAKSEG_SAMPLES", ""))
needs_samples = pytest.mark.skipif("WEAKSEG_SAMPLES" not in os.environ, reason="WEAKSEG_SAMPLES names no folder")


def read(format, folder, sizes=lambda name: (80, 100)):
    """What a format reads of the files it claims below a folder."""
    forget()
    tree = FolderTree(Path(folder))
    entries = [Entry(tree, name) for name in tree.names]
    return format.read([entry for entry in entries if format.claims(entry)], sizes)


def read_json(format, folder, content, name="export.json", **options):
    """What a format reads of one JSON file."""
    (Path(folder) / name).write_text(json.dumps(content))
    return read(format, folder, **options)


def marks_of(annotations):
    """All marks, whatever their image, and those on the ground."""
    return [mark for each in (*annotations.images, *annotations.ground) for mark in each.marks]
