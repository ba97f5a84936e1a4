"""PNGs of sixteen bits and several numbers per pixel keep all of their bits."""

import struct
import zlib

import numpy as np
import pytest
from farms import KEYS, faults, write

from weakseg.data.folder.folder import Folder
from weakseg.data.images.image_file import read_image

VALUES = np.random.default_rng(0).integers(0, 65536, (12, 16, 4)).astype(np.uint16)
COLOUR, GREY_AND_ALPHA, COLOUR_AND_ALPHA = 2, 4, 6


def save(path, values, kind):
    """Writes a PNG of sixteen bits; every third row is the difference to the row above, as programs write them."""
    height, width, _ = values.shape
    rows = values.astype(">u2").view(np.uint8).reshape(height, -1)
    lines = [
        bytes([2]) + (rows[y] - rows[y - 1]).tobytes() if y % 3 == 2 else bytes([0]) + rows[y].tobytes()
        for y in range(height)
    ]
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    written = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(written))


@pytest.mark.parametrize(("kind", "stored", "kept"), [(COLOUR, 3, 3), (COLOUR_AND_ALPHA, 4, 3), (GREY_AND_ALPHA, 2, 1)])
def test_every_bit_is_read_and_transparency_dropped(tmp_path, kind, stored, kept):
    """Sixteen bits, not the upper eight; grey with transparency is one channel."""
    save(tmp_path / "a.png", VALUES[:, :, :stored], kind)

    expected = np.moveaxis(VALUES[:, :, :kept], 2, 0) / np.float32(65535)
    assert np.array_equal(read_image(tmp_path / "a.png"), expected)


def test_twelve_bits_of_colour_are_told_of_and_mended(sound_farm):
    """As grey ones are."""
    for number, key in enumerate(KEYS):
        # Turned, so that no two are the same.
        save(sound_farm / "images" / f"{key}.png", np.roll(VALUES[:, :, :3] // 16, number, axis=1), COLOUR)
    assert "`range = [0, 4095]`" in faults(sound_farm)["images"].fix

    write(sound_farm / "dataset.toml", "range = [0, 4095]")

    assert not faults(sound_farm)
    np.testing.assert_allclose(Folder(str(sound_farm))[0].image, np.moveaxis(VALUES[:, :, :3], 2, 0) / 65535, atol=1e-3)
