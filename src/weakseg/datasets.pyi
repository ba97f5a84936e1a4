"""Data sets, and parts and mixtures of them."""

from weakseg.data.fold import Fold as Fold
from weakseg.data.folder.declaration import Declaration as Declaration
from weakseg.data.from_arrays import FromArrays as FromArrays
from weakseg.data.label_values.convention import FolderDeclaration as FolderDeclaration
from weakseg.data.published.scribblesup import ScribbleMaps as ScribbleMaps
from weakseg.data.published.scribblesup import ScribbleSup as ScribbleSup
from weakseg.data.published.voc import Voc as Voc
from weakseg.data.scenes import Scenes as Scenes
from weakseg.data.some_masks import SomeMasks as SomeMasks
from weakseg.train.loader import Views as Views
from weakseg.train.targets import Targets as Targets
