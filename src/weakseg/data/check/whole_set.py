"""Checks that need all images of a data set together."""

from collections import Counter, defaultdict
from itertools import combinations

from weakseg.data.check.disagreement import disagreements
from weakseg.data.check.drawn_classes import drawn_classes
from weakseg.data.check.learning import findings_of_learning
from weakseg.data.check.mixtures import mixtures
from weakseg.data.check.photos import turned_photos
from weakseg.data.check.ranges import findings_of_ranges
from weakseg.data.check.soft_edges import soft_edges
from weakseg.data.check.undeclared import undeclared_values
from weakseg.data.folder.folder import channels_differ
from weakseg.data.folder.legend import Legend
from weakseg.data.folder.splits import Splits, kept_apart
from weakseg.data.images.colours import named
from weakseg.data.images.nodata import findings_of_transparency
from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Looks
from weakseg.data.inventory.statistics import LabelCounts, total
from weakseg.data.label_values.habits import listed
from weakseg.files.layout import ALL, MASKS, TRAIN, VAL
from weakseg.finding import Finding, counted, findings_of, some
from weakseg.types import UNLABELED


def findings_of_all(inventory: Inventory, looks: Looks, splits: Splits) -> list[Finding]:
    """Findings about the data set as a whole."""
    found = [*_uneven_channels(inventory, looks), *_duplicates(inventory, looks, splits)]
    held = {key: each.held for key, each in looks.items() if each.channels}
    found += findings_of_ranges(inventory.root / "images", held, inventory.contents.legend.declaration.range)
    found += turned_photos(inventory, looks)
    clear = {key: each.clear for key, each in looks.items() if each.channels}
    found += findings_of_transparency(inventory.root / "images", clear, inventory.contents.legend.declaration.nodata)
    if inventory.judged:
        found += [*undeclared_values(inventory, looks), *disagreements(inventory, looks)]
        found += [*_all_marked(inventory, looks), *_one_class(inventory, looks), *mixtures(inventory, looks)]
        found += soft_edges(inventory, looks)
        found += drawn_classes(inventory, looks)
        found += [*_unlabelled(inventory, looks, splits), *_unmasked(inventory, splits)]
        found += [
            *_nothing_to_judge_by(inventory, looks, splits),
            *findings_of_learning(inventory, looks, splits, found),
        ]
    return found


def _uneven_channels(inventory: Inventory, looks: Looks) -> list[Finding]:
    channels = {key: each.channels for key, each in looks.items() if each.channels}
    if not channels:
        return []
    (usual, count), *_ = Counter(channels.values()).most_common()
    found = []
    for key, number in channels.items():
        if number != usual:
            file = inventory.contents.images[key]
            error = channels_differ(file, number, f"{count} of {len(channels)} images have", usual)
            found += findings_of(error, file, "", (key,))
    return found


def _duplicates(inventory: Inventory, looks: Looks, splits: Splits) -> list[Finding]:
    same: dict[bytes, list[str]] = defaultdict(list)
    for key, each in looks.items():
        if each.pixels:
            same[each.pixels].append(key)
    images, found = inventory.contents.images, []
    for first, *others in same.values():
        if others:
            text = f"the same pixels are in {some([images[key].name for key in others])}"
            if apart := _kept_apart_in([first, *others], splits):
                text += f"; one is in {apart[0]}.txt and one in {apart[1]}.txt, so training data is evaluated"
            fix = "remove all but one, from images/ or from the splits"
            found.append(Finding(images[first], text, "each image once", fix, (first, *others)))
    return found


def _kept_apart_in(keys: list[str], splits: Splits) -> tuple[str, str] | None:
    """Two splits that share these images and must not."""
    having = [name for name, members in splits.items() if {*members} & {*keys}]
    return next((pair for pair in combinations(having, 2) if kept_apart(*pair)), None)


def _said_in(inventory: Inventory, looks: Looks, source: str) -> LabelCounts:
    """The label counts of a folder of label maps.

    Images without a readable map are left out.
    """
    having = [looks[key] for key in inventory.layers[source] if looks[key].readable]
    return total([each.counts[source] for each in having], inventory.contents.legend.classes)


def _all_marked(inventory: Inventory, looks: Looks) -> list[Finding]:
    """Scribbles without any unlabelled pixel.

    The value for "not annotated" must differ from the declared one.
    """
    found, legend = [], inventory.contents.legend
    for source in inventory.layers:
        said = _said_in(inventory, looks, source)
        if source == MASKS or not said.valid_pixels or said.marked_pixels.sum() < said.valid_pixels:
            continue
        largest = int(said.marked_pixels.argmax())
        name = said.classes.names[largest]
        value = legend.numbers_in(source)[largest]
        nothing = legend.convention(source).nothing
        found.append(
            Finding(
                inventory.root / source,
                f"all pixels of all maps are labelled, {said.marked_pixels[largest] / said.valid_pixels:.0%} of them as"
                f" '{name}' (value {value})",
                f"the value {listed(nothing)} on unlabelled pixels",
                f"{_undrawn(legend, source, largest, value)}; if these are full segmentations, move them to masks/",
            )
        )
    return found


def _undrawn(legend: Legend, source: str, label: int, value: int) -> str:
    """Advice if a class's value or colour means unlabelled."""
    said = f"if {value} means unlabelled, set `unlabeled = {value}` in dataset.toml"
    for colour, declared in legend.convention(source).colours:
        if declared != UNLABELED and legend.becomes[declared] == label:
            line = f'`unlabeled = "{named(colour)}"` below `[colours]`'
            return f"{said}; if {named(colour)} means unlabelled, write {line} in dataset.toml"
    return said


def _one_class(inventory: Inventory, looks: Looks) -> list[Finding]:
    """Masks with a single class.

    The object's value must have been taken for void.
    """
    if not inventory.layers.get(MASKS):
        return []
    said, convention = _said_in(inventory, looks, MASKS), inventory.contents.legend.convention(MASKS)
    shown = [f"'{name}'" for name, pixels in zip(said.classes.names, said.marked_pixels, strict=True) if pixels]
    if not said.images or len(shown) > 1 or len(said.classes) == 1:
        return []
    found = f"the masks show {some(shown) or 'no class at all'} and nothing else"
    void, names = listed(convention.nothing), inventory.contents.legend.declared
    fix = f"if {void} stands for a class, as in the binary masks of ImageJ, replace it by the index of the class"
    if len(names) == 2 and len(convention.nothing) == 1 and shown == [f"'{names[0]}'"]:
        fix = (
            f"if {void} stands for '{names[1]}', as in the binary masks of ImageJ, set `values ="
            f" [{convention.values[0]}, {void}]` and `void = []` below a line `[masks]` at the end of dataset.toml"
        )
    return [Finding(inventory.root / MASKS, found, f"two classes or more; {void} means void", fix)]


def _unlabelled(inventory: Inventory, looks: Looks, splits: Splits) -> list[Finding]:
    """Splits without any label, and single images without one.

    Only a test set may be unlabelled.
    """
    found = []
    for split, keys in splits.items():
        bare = [key for key in keys if not looks[key].labelled]
        file = inventory.root / "splits" / f"{split}.txt" if split != ALL else inventory.root
        if bare and len(bare) == len(keys):
            fix = "draw scribbles, fill a table, or add masks; label maps are named like their images"
            text = f"none of the {len(keys)} images in '{split}' has a label"
            needed = split in (TRAIN, VAL, ALL)
            found.append(Finding(file, text, "labels of some kind", fix, tuple(bare), remark=not needed))
        elif bare:
            text = f"{counted(bare, keys)} in '{split}' without any label: {some(bare)}"
            fix = "label them, or leave them out of the split"
            found.append(Finding(file, text, "", fix, tuple(bare), remark=True))
    return found


def _unmasked(inventory: Inventory, splits: Splits) -> list[Finding]:
    """Validation images without a mask, if others have one."""
    keys = splits.get(VAL, ())
    bare = [key for key in keys if key not in inventory.contents.masks]
    if not bare or len(bare) == len(keys):
        return []
    text = f"{counted(bare, keys)} without a mask for evaluation: {some(bare)}"
    fix = "add their masks, or remove them from the split"
    return [Finding(inventory.root / "splits" / "val.txt", text, "a mask for every image", fix, tuple(bare))]


def _nothing_to_judge_by(inventory: Inventory, looks: Looks, splits: Splits) -> list[Finding]:
    """A validation list whose masks are all void."""
    keys = [key for key in splits.get(VAL, ()) if key in inventory.contents.masks]
    if not keys or any(not looks[key].readable or looks[key].counts[MASKS].valid_pixels for key in keys):
        return []
    void = inventory.contents.legend.declaration.void
    text = f"the masks of 'val' are void (value {void}) everywhere, so nothing can be evaluated"
    fix = (
        f"if {void} stands for a class, set `void` in dataset.toml to another value; otherwise use other masks for val"
    )
    return [Finding(inventory.root / "splits" / "val.txt", text, "pixels of some class", fix, tuple(keys))]
