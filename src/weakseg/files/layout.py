"""Names in a data folder."""

MASKS, SCRIBBLES = "masks", "scribbles"
"""Folders of label maps; other scribbles have names that begin with the second."""
TAGS, SIZES, BOXES, CLICKS = "tags.csv", "sizes.csv", "boxes.csv", "clicks.csv"
"""Tables."""
TRAIN, VAL, TEST, ALL = "train", "val", "test", "all"
"""Splits; the last is every image."""


def is_of_label_maps(folder: str) -> bool:
    """Whether a folder of this name holds label maps."""
    return folder == MASKS or folder.startswith(SCRIBBLES)
