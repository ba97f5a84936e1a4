"""Pages that `make docs` adds to those here: the home page, contributing, and a reference of all public names."""

import html
import re
from importlib import import_module
from pathlib import Path

from griffe import Extension
from latex2mathml.converter import convert
from mkdocs.structure.files import File

from weakseg.homes import DOORS

ROOT = Path(__file__).parent.parent
FORMULA = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', flags=re.DOTALL)
TAG = re.compile(r"\\tag\{(.*?)\}")


class MathBlocks(Extension):
    """Formulas of docstrings as those of the other pages."""

    def on_object(self, *, obj, **_):
        """Turns each block `.. math::` into one between dollar signs."""
        if obj.docstring:
            block = r"^\.\. math::((?:.+|\n +.*|\n(?=\n ))+)"
            formula = r"\n$$\1\n$$\n"
            obj.docstring.value = re.sub(block, formula, obj.docstring.value, flags=re.MULTILINE)


def on_config(config):
    """A page for each namespace stands at the end of the list of pages."""
    config.nav.append({"Reference": [f"reference/{_page(door)}" for door in DOORS]})
    return config


def on_files(files, config):
    """README.md is the home page; each namespace has a page made from `DOORS`, so that no name can be missing."""
    pages = {"index.md": _moved(ROOT / "README.md"), "contributing.md": _moved(ROOT / "CONTRIBUTING.md")}
    pages |= {f"reference/{_page(door)}": _reference(door) for door in DOORS}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_content(content, **_):
    """Formulas become MathML, which browsers show without a script."""
    return FORMULA.sub(lambda found: _mathml(found[1], html.unescape(found[2])), content)


def _mathml(kind: str, formula: str) -> str:
    # The converter has no \\arg.
    bare = TAG.sub("", formula.strip()[2:-2]).replace(r"\arg", r"\operatorname{arg}")
    math = convert(bare, display="block" if kind == "div" else "inline") if bare else ""
    if not (name := TAG.search(formula)):
        return math
    named = f'<code id="{name[1]}">{name[1]}</code>'
    # In tables the formula has a column of its own, and the last column only its name.
    return (
        f'<div style="display: flex; margin: 1em 0"><div style="flex: 1">{math}</div>{named}</div>' if bare else named
    )


def _page(door: str) -> str:
    return f"{door or 'weakseg'}.md"


def _reference(door: str) -> str:
    title = f"weakseg.{door}".rstrip(".")
    names = sorted(DOORS[door].items(), key=lambda item: item[0].lower())
    about = import_module(title).__doc__.partition("\n")[0]
    return f"# {title}\n\n{about}\n\n" + "\n".join(f"::: weakseg.{home}.{name}\n" for name, home in names)


def _moved(path: Path) -> str:
    """A page of the root as it reads among the pages of docs/; files that are on no page are only named."""
    text = path.read_text().replace("](docs/", "](").replace("](CONTRIBUTING.md)", "](contributing.md)")
    return re.sub(r"\[([^\]]*)\]\(((?:recipes/|CITATION)[^)]*)\)", r"`\2`", text)
