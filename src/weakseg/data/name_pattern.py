r"""Regular expressions on names, with bounded matching time.

Python tries all ways in which the repeats and choices of an expression can divide a name, and `(a+)+$` has
exponentially many. The ways are therefore counted beforehand. A repeat has one way if the letter that follows cannot
belong to it, as in `\d+_`.
"""

import re
from functools import lru_cache
from re import _constants as codes  # pyright: ignore[reportAttributeAccessIssue]
from re import _parser as parser  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

MOST_WAYS = 256
"""Most ways per start: the number of ends of one repeat in the longest file name."""

_LONGEST = 200
"""Most letters of an expression."""

_SAMPLE = frozenset(map(chr, range(0x250)))
"""Letters on which it is tested whether two kinds of letters overlap, besides those in the expression."""

Letters = frozenset[str]
_ENDLESS = 10**9


@lru_cache(maxsize=64)
def problem_of(expression: str) -> tuple[str, str]:
    """The problem of an expression, and its fix.

    Both are empty if there is none.
    """
    try:
        tree = parser.parse(expression) if len(expression) <= _LONGEST else None
        re.compile(expression if tree else "")
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}", "correct it; patient\\d+ finds patient and a number"
    fix = "state what ends each part, `[^_]+_` instead of `.*_`, and do not nest repeats"
    if tree is None:
        return f"is longer than {_LONGEST} letters", fix
    names = _SAMPLE.union(expression, expression.upper(), expression.lower())
    ways = _ways([*tree], frozenset(), names, bool(tree.state.flags & re.IGNORECASE))
    return ("can match a name in too many ways, which takes too long", fix) if ways > MOST_WAYS else ("", "")


def found_in(expression: str, name: str) -> str | None:
    """The first match of a valid expression in a name."""
    found = re.search(expression, name)
    return found[0] if found else None


def _ways(items: list[Any], after: Letters | None, names: Letters, fold: bool) -> int:
    """An upper bound on a sequence's ways to match, per start.

    `after` is the set of letters of which one must follow, empty at the end, or `None` if any letter may follow.
    """
    ways = 1
    for index, (code, value) in enumerate(items):
        following = _first(items[index + 1 :], after, names, fold)
        if code is codes.BRANCH:
            ways *= sum(_ways([*choice], following, names, fold) for choice in value[1])
        elif code is codes.SUBPATTERN:
            ways *= _ways([*value[3]], following, names, fold or bool(value[1] & re.IGNORECASE))
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            least, most, body = value
            ways *= _ways_of_repeat(least, most, [*body], following, names, fold)
        elif code is not codes.AT and _letters(code, value, names, fold) is None:
            return _ENDLESS
    return ways


def _ways_of_repeat(least, most, body, following: Letters | None, names: Letters, fold: bool) -> int:
    least, most = int(least), _LONGEST_NAME if most is codes.MAXREPEAT else int(most)
    own = _letters(body[0][0], body[0][1], names, fold) if len(body) == 1 else None
    if own is not None:
        unambiguous = least == most or following is not None and not own & following
        return 1 if unambiguous else most - least + 1
    again = _first(body, None, names, fold) if most > 1 else frozenset()
    inside = _ways(body, _either(again, following), names, fold)
    if most > 1 and (inside > 1 or least != most):
        return _ENDLESS
    return inside * (most - least + 1)


_LONGEST_NAME = 255


def _first(items: list[Any], after: Letters | None, names: Letters, fold: bool) -> Letters | None:
    """The letters that can start a sequence; `None`: unknown."""
    if not items:
        return after
    (code, value), rest = items[0], items[1:]
    if code is codes.AT:
        # Nothing follows the end of a name; what follows other positions is unknown.
        return frozenset() if value in (codes.AT_END, codes.AT_END_STRING) else None
    if code is codes.SUBPATTERN:
        return _first([*value[3], *rest], after, names, fold or bool(value[1] & re.IGNORECASE))
    if code is codes.BRANCH:
        return _either(*(_first([*choice, *rest], after, names, fold) for choice in value[1]))
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        inside = _first([*value[2]], None, names, fold)
        return inside if value[0] else _either(inside, _first(rest, after, names, fold))
    return _letters(code, value, names, fold)


def _either(*kinds: Letters | None) -> Letters | None:
    return None if any(kind is None for kind in kinds) else frozenset().union(*(kind for kind in kinds if kind))


def _letters(code: Any, value: Any, names: Letters, fold: bool) -> Letters | None:
    """The letters that an item of one letter matches.

    `None` for items of another kind.
    """
    if code is codes.IN and value[0][0] is codes.NEGATE:
        taken = _letters(codes.IN, value[1:], names, fold)
        return None if taken is None else names - taken
    if code is codes.IN:
        return _either(*(_letters(kind, part, names, fold) for kind, part in value))
    if code is codes.ANY:
        return names
    if code in (codes.LITERAL, codes.NOT_LITERAL):
        taken = frozenset({chr(value)})
    elif code is codes.RANGE:
        taken = frozenset(name for name in names | {chr(value[0]), chr(value[1])} if value[0] <= ord(name) <= value[1])
    elif code is codes.CATEGORY and value in _CATEGORIES:
        taken = frozenset(name for name in names if re.match(_CATEGORIES[value], name))
    else:
        return None
    if fold:
        taken |= {other for name in taken for other in (name.lower(), name.upper())}
    return names - taken if code is codes.NOT_LITERAL else taken


_CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}
