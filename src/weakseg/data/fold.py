"""Parts of a data set, held out for tuning."""

from dataclasses import dataclass
from functools import cached_property

from weakseg.data.name_pattern import found_in, problem_of
from weakseg.data.sample import Dataset, Sample
from weakseg.errors import DataInvalid, RecipeInvalid
from weakseg.types import Classes


@dataclass(frozen=True)
class Fold:
    """One part of a data set, or everything else.

    Whole groups stay together: they are sorted and assigned to the parts in turn. `held_out=True` and `held_out=False`
    share no group and together are the whole set, and the parts 0 to `of` - 1 have nearly equal numbers of groups.

    Raises:
        RecipeInvalid: there is no such part (on construction), or there are fewer groups than parts (on access).
        DataInvalid: a key has no group (on access).
    """

    samples: Dataset
    """The whole data set."""
    held_out: bool
    """True for this part alone, False for all the others."""
    part: int = 0
    """Index of the part, from 0 to `of` - 1."""
    of: int = 5
    """Number of parts, 2 or more; at most the number of groups."""
    group: str = ""
    r"""Regular expression; its match in a key is the group, `patient\d+`. Empty: each image is a group."""

    def __post_init__(self):
        if not 0 <= self.part < self.of or self.of < 2:
            expected = "at least two parts, counted from 0"
            raise RecipeInvalid(f"part {self.part} of {self.of} of a data set", expected=expected)
        found, fix = problem_of(self.group)
        if found:
            raise RecipeInvalid(f"group = '{self.group}' {found}", fix=fix)

    @property
    def classes(self) -> Classes:
        """The classes of the whole data set."""
        return self.samples.classes

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of this part, in the order of the whole."""
        keys = self.samples.keys
        return tuple(keys[index] for index in self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[self._indices[index]]

    @cached_property
    def _indices(self) -> tuple[int, ...]:
        group_of = [self._group(key) for key in self.samples.keys]
        groups = sorted(set(group_of))
        if len(groups) < self.of:
            found = f"{len(groups)} groups for {self.of} parts of a data set"
            raise RecipeInvalid(found, expected="at least one group per part", fix="lower `of`, or change `group`")
        dealt = {name: number % self.of for number, name in enumerate(groups)}
        return tuple(i for i, name in enumerate(group_of) if (dealt[name] == self.part) == self.held_out)

    def _group(self, key: str) -> str:
        if not self.group:
            return key
        found = found_in(self.group, key)
        if found is None:
            raise DataInvalid(
                f"'{key}' belongs to no group", expected=f"a key that matches the expression '{self.group}'"
            )
        return found
