"""Self-contained HTML pages from templates.

They need no network and run no scripts, and every name from a user is escaped.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from weakseg.data.images.label_file import palette
from weakseg.errors import DataInvalid
from weakseg.files.regular_file import irregular, open_regular
from weakseg.files.whole_file import write_whole

_SIGNATURE = '<meta name="generator" content="weakseg">'


def require_free(path: Path) -> None:
    """Raise `DataInvalid` unless a page may be written there.

    An older page of ours may be replaced.
    """
    # Only a page that weakseg wrote may be replaced; anything else of that name is the user's.
    if irregular(path) or path.is_file() and _SIGNATURE.encode() not in _head(path):
        raise DataInvalid(
            f"{path} exists, and is not a page of weakseg's", fix="choose another name, or move the file away"
        )


def _head(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(1000)


def write_page(path: Path, template: str, **parts: Any) -> None:
    """Fill a template and write the page.

    It is written whole or not at all; an older page of ours is replaced.

    Raises:
        DataInvalid: another file is there.
    """
    require_free(path)
    environment = Environment(
        loader=PackageLoader("weakseg.report"),
        # Names of classes and images come from users, and a page is passed on.
        autoescape=True,
        # A misspelt name in a template is an error and not an empty place in the page.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"score": _score, "percent": percent}
    text = environment.get_template(template).render(signature=_SIGNATURE, **parts)
    # `replace`, because file names may hold bytes that are no text.
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8", errors="replace"))


def css_colors(count: int) -> list[str]:
    """The colours of classes in CSS."""
    return [f"rgb({red} {green} {blue})" for red, green, blue in palette(count).tolist()]


def _score(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3f}"


def percent(share: float) -> str:
    """A fraction in percent.

    Small ones keep two figures, so that 1.1 % and 0.04 % do not both become 0 %.
    """
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
