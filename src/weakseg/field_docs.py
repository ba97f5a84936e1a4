"""Docs of settings for `help(weakseg.Fit)`.

They are the texts below the fields in the source, which Python itself discards.

The source is read when `__doc__` is read, so that importing a name costs nothing.
"""

import ast
import inspect
from dataclasses import fields, is_dataclass
from functools import cache
from textwrap import indent
from typing import Any


class _Doc:
    """A class's `__doc__`, completed when it is read."""

    def __init__(self, written: str):
        self.written = written

    def __get__(self, instance: Any, owner: type) -> str:
        return _completed(owner, self.written)


def documented(thing: Any) -> Any:
    """A public thing whose `__doc__` lists its settings.

    Only dataclasses have settings; all else is returned as it is.
    """
    written = vars(thing)["__doc__"] if is_dataclass(thing) else None
    if isinstance(written, str):  # and not completed already
        thing.__doc__ = _Doc(written)  # pyright: ignore[reportAttributeAccessIssue]
    return thing


@cache
def _completed(kind: type, written: str) -> str:
    """A docstring with a section of settings.

    It stays as written where there are none, or where there is no source.
    """
    try:
        body = ast.parse(inspect.getsource(kind)).body[0]
    except (OSError, TypeError, SyntaxError):  # a frozen program; a file that is being edited
        return written
    told = _settings(kind, body.body) if isinstance(body, ast.ClassDef) else []
    return "\n".join([inspect.cleandoc(written), "", "Settings:", *told]) if told else written


def _settings(kind: type, body: list[ast.stmt]) -> list[str]:
    """Lines on each setting of a class.

    A setting is a field of its own that can be given: name, type, default, and below them its text.
    """
    given = {field.name for field in fields(kind) if field.init and not field.name.startswith("_")}
    lines = []
    # The text of a field is the statement below it.
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) in given:
            lines.append(f"    {ast.unparse(node.target)}: {ast.unparse(node.annotation)}{_default(node.value)}")
            lines += [indent(inspect.cleandoc(text), " " * 8) for text in _text(after)]
    return lines


def _default(value: ast.expr | None) -> str:
    """A default as it is written.

    A factory is written as a call.
    """
    if value is None:
        return ""
    factories = [key.value for key in getattr(value, "keywords", []) if key.arg == "default_factory"]
    return f" = {ast.unparse(factories[0])}()" if factories else f" = {ast.unparse(value)}"


def _text(node: ast.stmt | None) -> list[str]:
    text = node.value if isinstance(node, ast.Expr) else None
    return [text.value] if isinstance(text, ast.Constant) and isinstance(text.value, str) else []
