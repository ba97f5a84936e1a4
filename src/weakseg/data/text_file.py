"""Text files as people's editors and spreadsheets write them."""

from pathlib import Path

from weakseg.errors import DataInvalid


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte-order mark.

    Raises:
        DataInvalid: the file is missing, unreadable or in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{path} is not UTF-8 text ({error.reason})", mend="save it as UTF-8") from error
    except OSError as error:
        raise DataInvalid(f"{path} cannot be read: {error.strerror}") from error
