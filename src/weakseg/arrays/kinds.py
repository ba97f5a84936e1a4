"""Kinds of numbers in arrays, as `dtype.kind` calls them."""

WHOLE = frozenset("ui")
"""Integers."""
COUNTS = WHOLE | {"b"}
"""Integers, and booleans as 0 and 1."""
REAL = COUNTS | {"f"}
"""All but complex numbers, texts and objects."""
