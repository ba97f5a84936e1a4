"""What papers compared themselves with, and their own settings."""

from weakseg.constraints.paper import code_one_bit_sizes as code_one_bit_sizes
from weakseg.constraints.paper import paper_boxes as paper_boxes
from weakseg.constraints.paper import paper_one_bit_sizes as paper_one_bit_sizes
from weakseg.constraints.paper import paper_tags as paper_tags
from weakseg.data.crop_tags import CropTagsFromTruth as CropTagsFromTruth
from weakseg.losses.objectives import MultipleInstance as MultipleInstance
from weakseg.losses.objectives import SoftMultipleInstance as SoftMultipleInstance
from weakseg.solvers.box_labels import BoxLabels as BoxLabels
from weakseg.solvers.em_adapt import EmAdapt as EmAdapt
