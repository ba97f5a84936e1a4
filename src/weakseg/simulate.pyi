"""Annotators, simulated from full masks."""

from weakseg.data.simulate.annotators import Boxes as Boxes
from weakseg.data.simulate.annotators import Clicks as Clicks
from weakseg.data.simulate.annotators import IntervalSizes as IntervalSizes
from weakseg.data.simulate.annotators import OneBitSizes as OneBitSizes
from weakseg.data.simulate.annotators import Scribbles as Scribbles
from weakseg.data.simulate.annotators import Simulated as Simulated
from weakseg.data.simulate.annotators import Tags as Tags
