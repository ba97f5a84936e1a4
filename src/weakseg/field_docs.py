"""What `help(weakseg.Fit)` says of each setting: the text below it in the source, which Python itself throws away.

The source is read when somebody looks at `__doc__`, so that a name costs nothing to fetch.
"""

import ast
import inspect
from dataclasses import fields, is_dataclass
from functools import cache
from textwrap import indent
from typing import Any


class _Doc:
    """A class's `__doc__`, completed when it is looked at."""

    def __init__(self, written: str):
        self.written = written

    def __get__(self, instance: Any, owner: type) -> str:
        return _completed(owner, self.written)


def documented(thing: Any) -> Any:
    """The same public thing; a dataclass's `__doc__` from now on lists its settings."""
    written = vars(thing)["__doc__"] if is_dataclass(thing) else None
    if isinstance(written, str):  # and not completed already
        thing.__doc__ = _Doc(written)  # pyright: ignore[reportAttributeAccessIssue]
    return thing


@cache
def _completed(kind: type, written: str) -> str:
    """A docstring with a section of settings; as it was written where there are none, or where there is no source."""
    try:
        body = ast.parse(inspect.getsource(kind)).body[0]
    except (OSError, TypeError, SyntaxError):  # a frozen program; a file that is being edited
        return written
    told = _settings(kind, body.body) if isinstance(body, ast.ClassDef) else []
    return "\n".join([inspect.cleandoc(written), "", "Settings:", *told]) if told else written


def _settings(kind: type, body: list[ast.stmt]) -> list[str]:
    """Each field of the class's own that can be given: name, type, default, and below them the text."""
    given = {field.name for field in fields(kind) if field.init and not field.name.startswith("_")}
    told = []
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) in given:
            told.append(f"    {ast.unparse(node.target)}: {ast.unparse(node.annotation)}{_default(node.value)}")
            told += [indent(inspect.cleandoc(text), " " * 8) for text in _text(after)]
    return told


def _default(value: ast.expr | None) -> str:
    """As it is written; what a factory makes as a call of it."""
    if value is None:
        return ""
    factories = [key.value for key in getattr(value, "keywords", []) if key.arg == "default_factory"]
    return f" = {ast.unparse(factories[0])}()" if factories else f" = {ast.unparse(value)}"


def _text(node: ast.stmt | None) -> list[str]:
    said = node.value if isinstance(node, ast.Expr) else None
    return [said.value] if isinstance(said, ast.Constant) and isinstance(said.value, str) else []
