"""Files of a folder or an archive, read with a limit."""

import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weakseg.errors import DataInvalid
from weakseg.files.paths import leads_elsewhere
from weakseg.files.regular_file import irregular, read_bytes

MOST_BYTES = 2**30
"""Largest annotation file that is read, unpacked: the largest of COCO has half of that."""


@dataclass(frozen=True)
class FolderTree:
    """The files of a folder and its subfolders.

    Hidden files and folders are left out; links to folders are not followed.
    """

    place: Path
    """The folder, for messages too."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All files of the folder, as relative paths with / between folders, in order."""
        found = []
        for folder, folders, files in os.walk(self.place):
            folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
            within = Path(folder).relative_to(self.place)
            found += [(within / name).as_posix() for name in files if not name.startswith(".")]
        return tuple(sorted(name for name in found if not irregular(self.place / name)))

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """The bytes of a file below the folder.

        Raises:
            DataInvalid: it is missing or damaged, larger than `most`, or lies elsewhere.
        """
        return read_bytes(self.place / _inside(name), most=most)


@dataclass(frozen=True)
class FileTree:
    """A single file; those beside it can be read as well."""

    place: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The file alone."""
        return (self.place.name,)

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """The bytes of the file, or of one beside it."""
        return read_bytes(self.place.parent / _inside(name), most=most)


@dataclass(frozen=True)
class ZipTree:
    """The files of a zip archive, which is never unpacked to disk."""

    place: Path

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All files of the archive."""
        try:
            with zipfile.ZipFile(self.place) as archive:
                # A damaged name may be empty, which `is_dir` cannot stand.
                names = [each.filename for each in archive.infolist()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
            raise DataInvalid(
                f"{self.place} is a damaged archive: {error}", fix="download or export it again"
            ) from error
        files = [name for name in names if name and not name.endswith("/")]
        shown = [name for name in files if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]
        return tuple(sorted(dict.fromkeys(shown)))

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """The bytes of a file in the archive."""
        try:
            with zipfile.ZipFile(self.place) as archive, archive.open(name) as file:
                data = file.read(most + 1)
        except KeyError:
            raise DataInvalid(f"{self.place} has no file {name}") from None
        except RuntimeError as error:
            fix = "unpack it, and name the folder"
            raise DataInvalid(f"{self.place}: {name} cannot be read: {error}", fix=fix) from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            ValueError,
            EOFError,
            OSError,
            struct.error,
        ) as error:
            raise DataInvalid(f"{self.place}: {name} is damaged: {error}", fix="export the archive again") from error
        if len(data) > most:
            raise DataInvalid(f"{self.place}: {name} has more than {most:,} bytes unpacked", fix="unpack it yourself")
        return data


Tree = FolderTree | FileTree | ZipTree
"""Files by relative path."""


def _inside(name: str) -> str:
    """A path that leads nowhere else, since annotation files may name any path."""
    if leads_elsewhere(name):
        raise DataInvalid(f"the path {name!r}", expected="a path below the folder")
    return name


def tree_of(path: Path) -> Tree:
    """The files that a path names: a folder, an archive or a file.

    Raises:
        DataInvalid: there is nothing, or no regular file or folder.
    """
    if path.is_dir():
        return FolderTree(path)
    if kind := irregular(path):
        raise DataInvalid(f"{path} is {kind}", expected="a file, a folder or a zip archive")
    if not path.exists():
        raise DataInvalid(f"{path} is missing")
    return ZipTree(path) if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path) else FileTree(path)
