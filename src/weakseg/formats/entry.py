"""One file of a folder or archive, parsed once."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeGuard
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from weakseg.data.images.image_file import EXTENSIONS
from weakseg.errors import DataInvalid
from weakseg.formats.tree import Tree


@dataclass(frozen=True)
class Entry:
    """A file that may hold annotations."""

    tree: Tree
    name: str
    """Path within the tree, with / between folders."""

    @property
    def place(self) -> str:
        """The file, for messages."""
        inside = self.tree.names != (self.name,) or self.tree.place.name != self.name
        return f"{self.tree.place}/{self.name}" if inside else str(self.tree.place)

    @property
    def stem(self) -> str:
        """The name without folders and extension."""
        return self.name.rpartition("/")[2].rpartition(".")[0] or self.name.rpartition("/")[2]

    @property
    def extension(self) -> str:
        """The extension in lower case, with its dot; empty if there is none."""
        last = self.name.rpartition("/")[2]
        return f".{last.rpartition('.')[2].lower()}" if "." in last else ""

    @property
    def is_table(self) -> bool:
        """Whether it is a table, by its extension."""
        return self.extension == ".csv"

    @property
    def folder(self) -> str:
        """The folder within the tree, ending in / unless it is empty."""
        return self.name[: self.name.rfind("/") + 1]

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return _content(self)

    @property
    def text(self) -> str:
        """The text, which is UTF-8 with or without a byte-order mark.

        Raises:
            DataInvalid: it is not UTF-8.
        """
        try:
            # Windows programs write a byte-order mark, and json would refuse it.
            return self.content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            raise DataInvalid(f"{self.place} is not UTF-8 text", fix="save it as UTF-8") from error

    @property
    def json(self) -> Any:
        """The value of a JSON file; `None` if it is another kind of file.

        Raises:
            DataInvalid: it begins like JSON and is damaged.
        """
        # A look at the name first: reading ten thousand photos to see that they are no JSON takes minutes.
        if self.extension not in (".json", ".geojson", "", ".txt"):
            return None
        if not self.content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
            return None
        return _parsed(self)

    @property
    def xml(self) -> Element | None:
        """The root of an XML file; `None` if it is another kind of file.

        Raises:
            DataInvalid: it begins like XML and is damaged, or declares entities.
        """
        # Photos beside their annotations are not read.
        if self.extension != ".xml" and (
            self.extension in EXTENSIONS or not self.content[:64].lstrip().startswith(b"<?xml")
        ):
            return None
        return _root(self)

    def root(self, tag: str) -> Element | None:
        """The root of an XML file; `None` if it has another tag, or the file is of another kind."""
        return self.xml if self.xml is not None and self.xml.tag == tag else None

    def beside(self, name: str) -> "Entry":
        """The file of that path relative to this file's folder; it need not exist."""
        return Entry(self.tree, self.folder + name)


def holds(value: object, *keys: str) -> TypeGuard[dict[str, Any]]:
    """Whether a value of a JSON file is an object with these keys."""
    return isinstance(value, dict) and value.keys() >= {*keys}


def forget() -> None:
    """Free the contents of the last file."""
    for kept in (_content, _parsed, _root):
        kept.cache_clear()


# The last file alone is kept, because each of ten thousand may hold a copy of its image.
@lru_cache(maxsize=1)
def _content(entry: Entry) -> bytes:
    return entry.tree.read(entry.name)


@lru_cache(maxsize=1)
def _parsed(entry: Entry) -> Any:
    try:
        return json.loads(entry.text)
    # A file of ten thousand brackets is no annotation, and must not end in a traceback.
    except RecursionError as error:
        raise DataInvalid(f"{entry.place} has brackets nested hundreds deep") from error
    except ValueError as error:
        raise DataInvalid(f"{entry.place} is damaged JSON: {error}", fix="export it again") from error


@lru_cache(maxsize=1)
def _root(entry: Entry) -> Element:
    try:
        return fromstring(entry.content)
    except DefusedXmlException as error:
        raise DataInvalid(f"{entry.place} declares entities, which no annotation tool does") from error
    except (ParseError, ValueError, LookupError) as error:
        raise DataInvalid(f"{entry.place} is damaged XML: {error}", fix="export it again") from error
