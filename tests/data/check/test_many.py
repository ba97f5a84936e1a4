"""Many images are checked by several processes, with the findings of one."""

import numpy as np
from PIL import Image

from weakseg.data.check import many
from weakseg.data.check.check import check


def test_processes_find_what_one_finds(tmp_path, monkeypatch):
    """Findings, statistics and their order; progress counts every image."""
    for name in ("images", "scribbles"):
        (tmp_path / name).mkdir()
    (tmp_path / "classes.txt").write_text("a\nb\n")
    for number in range(150):
        image = np.full((8, 8), number, np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"{number:03d}.png")
        labels = np.full((8, 8), 255, np.uint8)
        labels[0], labels[1] = number % 2, 7 if number % 50 == 3 else 1
        Image.fromarray(labels).save(tmp_path / "scribbles" / f"{number:03d}.png")
    (tmp_path / "images" / "077.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    alone = check(str(tmp_path))
    monkeypatch.setattr(many, "FEW", 100)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    told = []
    together = check(str(tmp_path), lambda done, of: told.append((done, of)))
    assert together.findings == alone.findings
    assert any("077" in str(finding.file) for finding in alone.findings)
    assert told == [(done, 150) for done in range(1, 151)]
    one, other = (each.statistics.counts["scribbles"]["all"] for each in (alone, together))
    assert (one.marked_pixels == other.marked_pixels).all()
    assert other.classes is together.statistics.classes or other.classes == one.classes
    assert together.samples.keys == alone.samples.keys
