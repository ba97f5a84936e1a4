"""The protocols that parts of a recipe follow."""

from weakseg.appearance.scribble_densities import Appearance as Appearance
from weakseg.constraints.linear_rows import Constraint as Constraint
from weakseg.data.sample import Dataset as Dataset
from weakseg.energies.contrast import Contrast as Contrast
from weakseg.energies.kernel_cut import Kernel as Kernel
from weakseg.energies.relaxations import Relaxation as Relaxation
from weakseg.networks.network import NetworkSpec as NetworkSpec
from weakseg.types import Divergence as Divergence
from weakseg.types import Energy as Energy
from weakseg.types import Objective as Objective
from weakseg.types import Solver as Solver
