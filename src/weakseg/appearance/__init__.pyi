"""What colours and places say, for any solver that asks."""

from weakseg.appearance.appearances import Appearances as Appearances
from weakseg.appearance.box_colors import BoxColors as BoxColors
from weakseg.appearance.scribble_densities import ScribbleDensities as ScribbleDensities
