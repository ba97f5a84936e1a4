"""What makes a segmentation implausible."""

from weakseg.energies.contrast import ColorContrast as ColorContrast
from weakseg.energies.contrast import EdgeMapContrast as EdgeMapContrast
from weakseg.energies.dense_crf import DenseCRF as DenseCRF
from weakseg.energies.entropy import Entropy as Entropy
from weakseg.energies.gated_crf import GatedCRF as GatedCRF
from weakseg.energies.grid_potts import GridPotts as GridPotts
from weakseg.energies.local_kernel import LocalKernel as LocalKernel
from weakseg.energies.log_barrier import LogBarrier as LogBarrier
from weakseg.energies.mumford_shah import MumfordShah as MumfordShah
from weakseg.energies.normalized_cut import NormalizedCut as NormalizedCut
from weakseg.energies.quadratic_penalty import QuadraticPenalty as QuadraticPenalty
from weakseg.energies.relaxations import Bilinear as Bilinear
from weakseg.energies.relaxations import Collision as Collision
from weakseg.energies.relaxations import CollisionDivergence as CollisionDivergence
from weakseg.energies.relaxations import Normalized as Normalized
from weakseg.energies.relaxations import Quadratic as Quadratic
from weakseg.energies.relaxations import TotalVariation as TotalVariation
from weakseg.energies.volume_potts import VolumePotts as VolumePotts
