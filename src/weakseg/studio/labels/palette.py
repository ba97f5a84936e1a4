"""Colours of classes that colour-blind people can tell apart.

The first eight are those of Okabe and Ito; more classes repeat them, darker and lighter, beside their names.
"""

OKABE_ITO = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Colours of classes; the background is grey."""

GREY = (128, 128, 128)


def colours(classes: int, background: int | None) -> list[tuple[int, int, int]]:
    """The colour of each class."""
    found, next_ = [], 0
    for index in range(classes):
        if index == background:
            found.append(GREY)
            continue
        turn, place = divmod(next_, len(OKABE_ITO))
        found.append(_shaded(OKABE_ITO[place], turn))
        next_ += 1
    return found


def _shaded(colour: tuple[int, int, int], turn: int) -> tuple[int, int, int]:
    """A colour of a later round: darker, then lighter, then darker still."""
    share = 1 / (1 + (turn + 1) // 2)
    goal = 0 if turn % 2 else 255
    red, green, blue = (round(goal + share * (channel - goal)) for channel in colour)
    return red, green, blue
