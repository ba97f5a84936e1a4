"""Check of the value ranges of an image set.

Some sets use a small part of the range of their files, or different parts of it. A camera's 12 bits in a file of 16 are
almost black after division by 65535, and a network learns little from them. A single image may be dark; the extremes of
a whole set show the range of its camera, without those of hot pixels and of margins of zeros.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weakseg.data.images.value_range import FORMATS, LEAST_USED, Held, Range, fitting, used, written
from weakseg.data.sample import Sample
from weakseg.errors import DataInvalid
from weakseg.finding import Finding, some

HeldBy = Mapping[str, Held | None]
"""The extremes of each image by name; `None` for eight bits."""
_NEAR = 1 / 4
"""Distance, as a fraction of the usual span, beyond which rare values come from damaged pixels or margins."""


@dataclass(frozen=True)
class Group:
    """The images whose files have one data type."""

    dtype: str
    names: tuple[str, ...]
    held: tuple[Held, ...]
    of: int
    """Number of images of all data types."""
    declared: Range | None

    @property
    def low(self) -> int | float:
        """The lowest value in any of them."""
        return min(each.low for each in self.held)

    @property
    def high(self) -> int | float:
        """The highest value in any of them."""
        return max(each.high for each in self.held)

    @property
    def usual(self) -> Range:
        """The range of values without outliers.

        Rare values and zero margins that are far from all others are left out.
        """
        dark, bright = min(each.dark for each in self.held), max(each.bright for each in self.held)
        reach = _NEAR * (bright - dark)
        return (self.low if self.low >= dark - reach else dark), (self.high if self.high <= bright + reach else bright)

    @property
    def range(self) -> Range:
        """The values that become 0 and 1."""
        return self.declared or FORMATS[self.dtype]

    @property
    def fitting(self) -> Range:
        """A range that suits them."""
        return fitting(*self.usual)

    @property
    def dim(self) -> bool:
        """Whether another range would be much better."""
        return 0 < used(*self.usual, self.range) < LEAST_USED

    @property
    def outside(self) -> tuple[str, ...]:
        """Names of images entirely outside the declared range."""
        low, high = self.range
        return tuple(
            name for name, held in zip(self.names, self.held, strict=True) if held.high < low or held.low > high
        )

    @property
    def strange(self) -> str:
        """A warning outside a check; empty if all is well."""
        if self.outside:
            return f"no value of {some(self.outside)} lies within `{written(self.range)}`"
        return self.found if self.dim else ""

    @property
    def found(self) -> str:
        """The problem of images that use too little of their range."""
        who = "the image has" if self.of == 1 else f"{_counted(self.names, self.of)} have"
        whole = f"`{written(self.range)}`" if self.declared else f"{self.range[0]} to {self.range[1]} ({self.dtype})"
        low, high = self.usual
        share = f"{100 * used(low, high, self.range):.2g} %"
        far = "" if (low, high) == (self.low, self.high) else f" (with outliers, {self.low} to {self.high})"
        return f"{who} values from {low} to {high}{far}, {share} of {whole}: almost one brightness"


def groups_of(held: HeldBy, declared: Range | None) -> list[Group]:
    """The images of more than eight bits, by data type."""
    kinds: dict[str, dict[str, Held]] = defaultdict(dict)
    for name, each in held.items():
        if each is not None:
            kinds[each.dtype][name] = each
    return [Group(kind, (*those,), (*those.values(),), len(held), declared) for kind, those in kinds.items()]


def too_dim(held: HeldBy, declared: Range | None) -> list[DataInvalid]:
    """Errors for images that use too little of an undeclared range."""
    groups = [] if declared else groups_of(held, declared)
    expected = "images that use at least a quarter of their range"
    fix = _declare if len(groups) < 2 else _save_alike
    return [DataInvalid(group.found, expected=expected, fix=fix(group)) for group in groups if group.dim]


def _declare(group: Group) -> str:
    return (
        f"write `{written(group.fitting)}` into dataset.toml, above any table: the values of black and white;"
        f" if {group.range[0]} and {group.range[1]} are correct, declare these"
    )


def _save_alike(group: Group) -> str:
    return "the set has several data types: save all images in one of them, then check again"


def dim_samples(samples: Sequence[Sample], declared: Range | None) -> list[DataInvalid]:
    """Errors for samples that use too little of their range.

    A training thus finds out by itself.
    """
    return too_dim({sample.key: sample.held for sample in samples}, declared)


def findings_of_ranges(images: Path, held: HeldBy, declared: Range | None) -> list[Finding]:
    """Findings about the value ranges of all files of a set.

    Args:
        images: folder of the images.
        held: the extremes of each image, by key.
        declared: `range` of dataset.toml.
    """
    groups = groups_of(held, declared)
    found = [Finding(images, each.found, each.expected, each.fix) for each in too_dim(held, declared)]
    for group in groups:
        found += [*_outside(images, group), *_two_cameras(images, group)]
        if declared and group.dim:
            fix = f"if this is not intended, write `{written(group.fitting)}` into dataset.toml"
            found.append(Finding(images, group.found, "", fix, remark=True))
    kinds = {group.dtype: len(group.names) for group in groups}
    if others := len(held) - sum(kinds.values()):
        kinds = {"uint8": others, **kinds}
    if len(kinds) > 1 and not declared and not found:
        said = ", ".join(f"{count} of {kind}" for kind, count in kinds.items())
        text = f"the images have different data types, each scaled by its own full range: {said}"
        fix = "compare their brightness on the page of --html; if it differs, declare `range` in dataset.toml"
        found.append(Finding(images, text, "", fix, remark=True))
    return found


def _outside(images: Path, group: Group) -> Iterator[Finding]:
    """A finding about values that a declared range clips."""
    low, high = group.range
    lost = group.outside
    cut = [name for name, each in zip(group.names, group.held, strict=True) if each.low < low or each.high > high]
    said = f"of the values from {group.low} to {group.high}, `{written(group.range)}` "
    if lost:
        text = f"{said}leaves nothing in {_counted(lost, len(group.names))}, which become black or white: {some(lost)}"
        fix = f"correct `range` in dataset.toml, `{written(group.fitting)}`, or save these images like the others"
        yield Finding(images, text, "values within the range in every image", fix, lost)
    elif cut:
        text = f"{said}clips what lies outside, in {_counted(cut, len(group.names))}: {some(cut)}"
        yield Finding(images, text, "", "widen `range` in dataset.toml if these values matter", remark=True)


def _two_cameras(images: Path, group: Group) -> Iterator[Finding]:
    """A remark about images of fewer bits than the others.

    They stay dark beside them.
    """
    low, white = group.fitting if group.dim else group.range
    if group.dtype != "uint16" or low != 0:
        return
    order = sorted(zip(group.held, group.names, strict=True), key=lambda pair: pair[0].high)
    for count in range(len(order) - 1, 0, -1):
        lowest, highest, above = min(held.low for held, _ in order), order[count - 1][0].high, order[count][0].high
        black, top = fitting(lowest, highest)
        if black == 0 and 2 * (top + 1) <= above and top < white:
            names = [name for _, name in order[:count]]
            who = _counted(names, len(order))
            text = f"{who} have values up to {highest}, and the others {above} or more: {some(names)}"
            fix = (
                f"if they come from a camera with fewer bits, whose white is {top}, save them again as"
                f" `numpy.round(values * ({white} / {top})).astype(numpy.uint16)`"
            )
            yield Finding(images, text, "", fix, tuple(names), remark=True)
            return


def _counted(names: Sequence[str], of: int) -> str:
    return f"all {of} images" if len(names) == of else f"{len(names)} of {of} images"
