"""Which image an annotation file means by a name."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize
from urllib.parse import parse_qs, unquote, urlsplit

from weakseg.data.images.image_file import EXTENSIONS
from weakseg.errors import DataInvalid

_ADDED = (
    (re.compile(r"^[0-9a-f]{8}-(?=.)"), ""),
    (re.compile(r"_(jpe?g|png|bmp|webp|tiff?)\.rf\.[0-9A-Za-z]{8,}(?=\.\w+$)"), ""),
    (re.compile(r"\.rf\.[0-9A-Za-z]{8,}(?=\.\w+$)"), ""),
)
"""What tools add to the names of uploaded files: Label Studio eight digits before it, Roboflow a code behind it."""


@dataclass(frozen=True)
class ImageNames:
    """The images of a data folder, found by the names that tools give them."""

    images: Mapping[str, Path]
    """Path of each image, by key."""

    def key(self, name: str) -> str | None:
        """The key of the image that a name or path means; `None` if there is none.

        The longest end of the path that is an image's own path decides, then the file's name in any folder, then its
        name without extension, then the same without what tools add to names.

        Raises:
            DataInvalid: two images are meant equally well.
        """
        # The most literal meaning first: a photo may really be called what a tool might have made of another name.
        for path in _variants(name):
            parts = [part for part in path.split("/") if part]
            # The longest end first: of a/1.png and b/1.png the one whose folder agrees is meant.
            ends = ["/".join(parts[start:]) for start in range(len(parts))]
            for known, called in ((self._paths, ends), (self._names, ends[-1:])):
                for each in called:
                    if found := known.get(each) or known.get(_without_extension(each)):
                        return _only(name, found)
        return None

    @cached_property
    def _paths(self) -> dict[str, list[str]]:
        """Keys by path with and without extension."""
        found: dict[str, list[str]] = defaultdict(list)
        for key, path in self.images.items():
            found[f"{key}{path.suffix}"].append(key)
            found[key].append(key)
        return found

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        """Keys by the last part of their path."""
        found: dict[str, list[str]] = defaultdict(list)
        for path, keys in self._paths.items():
            found[path.rpartition("/")[2]] += keys
        return found


def _variants(name: str) -> Iterator[str]:
    """Paths that a name may mean, the most literal first."""
    # Macs store accents apart from their letters, and Windows separates folders its own way.
    plain = normalize("NFC", name).replace("\\", "/")
    yield plain
    address = urlsplit(plain) if "://" in plain or "?" in plain or "%" in plain else None
    if address is not None:
        # Label Studio's local files: /data/local-files/?d=folder/image.png, with the separators of Windows there
        yield from (unquote(path).replace("\\", "/") for path in parse_qs(address.query).get("d", ()))
        plain = unquote(address.path)
        yield plain
    folder, slash, last = plain.rpartition("/")
    for added, instead in _ADDED:
        if (shorter := added.sub(instead, last)) != last:
            yield folder + slash + shorter


def _without_extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if dot and dot + extension.lower() in EXTENSIONS else name


def _only(name: str, found: list[str]) -> str:
    if len(found) > 1:
        fix = "rename one of them, or name the image in the annotations by its path"
        raise DataInvalid(f"'{name}' may be any of {', '.join(sorted(found)[:5])}", expected="one image", fix=fix)
    return found[0]
