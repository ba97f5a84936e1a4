"""What tags, sizes and boxes demand of a segmentation."""

from weakseg.constraint_choice.accuracy import satisfied as satisfied
from weakseg.constraints.background import BackgroundBetween as BackgroundBetween
from weakseg.constraints.boxes import BoxesFilled as BoxesFilled
from weakseg.constraints.boxes import BoxesTight as BoxesTight
from weakseg.constraints.boxes import NothingOutsideBoxes as NothingOutsideBoxes
from weakseg.constraints.class_shares import ClassShares as ClassShares
from weakseg.constraints.linear_rows import All as All
from weakseg.constraints.linear_rows import LinearRows as LinearRows
from weakseg.constraints.linear_rows import class_row as class_row
from weakseg.constraints.linear_rows import deletion as deletion
from weakseg.constraints.linear_rows import dense_row as dense_row
from weakseg.constraints.of_each_view import OfEachView as OfEachView
from weakseg.constraints.ratios import RatioBetween as RatioBetween
from weakseg.constraints.sizes import LargeOrSmall as LargeOrSmall
from weakseg.constraints.sizes import SizesWithin as SizesWithin
from weakseg.constraints.tags import TaggedClassesPresent as TaggedClassesPresent
from weakseg.constraints.tags import UntaggedClassesAbsent as UntaggedClassesAbsent
