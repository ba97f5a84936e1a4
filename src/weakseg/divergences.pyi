"""How far a prediction is from a target, per pixel."""

from weakseg.losses.divergences import CollisionCrossEntropy as CollisionCrossEntropy
from weakseg.losses.divergences import CrossEntropy as CrossEntropy
from weakseg.losses.divergences import ForwardCorrection as ForwardCorrection
from weakseg.losses.divergences import RobustCrossEntropy as RobustCrossEntropy
