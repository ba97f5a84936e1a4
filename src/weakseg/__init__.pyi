"""The public names as type checkers and editors see them; at run time each is loaded when it is used."""

from weakseg import appearance as appearance
from weakseg import constraints as constraints
from weakseg import datasets as datasets
from weakseg import divergences as divergences
from weakseg import energies as energies
from weakseg import networks as networks
from weakseg import papers as papers
from weakseg import simulate as simulate
from weakseg import typing as typing
from weakseg.classes import ABSENT as ABSENT
from weakseg.classes import PRESENT as PRESENT
from weakseg.classes import UNLABELED as UNLABELED
from weakseg.classes import UNTOLD as UNTOLD
from weakseg.classes import Classes as Classes
from weakseg.cuts.alpha_expansion import AlphaExpansion as AlphaExpansion
from weakseg.data.augment import Augment as Augment
from weakseg.data.check.check import check as check
from weakseg.data.folder.folder import Folder as Folder
from weakseg.errors import WeaksegError as WeaksegError
from weakseg.evaluation.evaluate import evaluate as evaluate
from weakseg.joint.joint_cut import JointCut as JointCut
from weakseg.joint.joint_projection import JointProjection as JointProjection
from weakseg.losses.objectives import Fit as Fit
from weakseg.losses.objectives import PartialDice as PartialDice
from weakseg.losses.objectives import Regularize as Regularize
from weakseg.losses.objectives import Sum as Sum
from weakseg.mean_field.mean_field import MeanField as MeanField
from weakseg.one_image.segment import segment as segment
from weakseg.projection.dual_projection import DualProjection as DualProjection
from weakseg.recipe.recipe import AdamW as AdamW
from weakseg.recipe.recipe import Phase as Phase
from weakseg.recipe.recipe import Recipe as Recipe
from weakseg.recipe.recipe import Sgd as Sgd
from weakseg.runs.run import load as load
from weakseg.solvers.hardened import Hardened as Hardened
from weakseg.solvers.seeds_only import SeedsOnly as SeedsOnly
from weakseg.solvers.soft_self_labels import SoftSelfLabels as SoftSelfLabels
from weakseg.train.loop import train_recipe as train_recipe
from weakseg.train.update_targets import update_targets as update_targets
from weakseg.types import Batch as Batch
from weakseg.types import Evidence as Evidence
from weakseg.types import Memory as Memory
from weakseg.types import Solution as Solution
from weakseg.types import WeakLabels as WeakLabels

__version__: str
