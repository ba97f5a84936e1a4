"""Packages that only some formats need."""

from importlib import import_module
from types import ModuleType

from weakseg.errors import DataInvalid


def needed(package: str, extra: str, what: str) -> ModuleType:
    """A package that is installed on demand.

    Args:
        package: its name.
        extra: the extra of weakseg that installs it.
        what: what it reads or writes, for the message.

    Raises:
        DataInvalid: it is not installed.
    """
    try:
        return import_module(package)
    # `from None` below: the import's own traceback says nothing that the fix does not.
    except ImportError:
        found = f"{what} cannot be used without the package {package}"
        raise DataInvalid(found, fix=f"pip install 'weakseg[{extra}]'") from None
