"""Hard labels from a soft segmentation."""

from dataclasses import dataclass, replace

from torch.nn import functional as F

from weakseg.types import Evidence, Memory, Solution, Solver


@dataclass(frozen=True)
class Hardened:
    """The most likely class of another solver's answer.

    Ties go to the first class.

    Energy and certificate are those of the soft answer. Proposals of the dense CRF are followed like this: in
    `Phase(Fit(Hardened(MeanField())), update_targets_every=5)` it does not matter how sure the CRF was.
    """

    solver: Solver
    """The solver that finds the soft segmentation."""

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The solver's answer, one-hot in every cell.

        Raises:
            EvidenceInvalid: as the solver does.
        """
        found = self.solver.solve(evidence, start)
        hard = F.one_hot(found.target.argmax(1), found.target.shape[1]).movedim(-1, 1)
        return replace(found, target=hard.to(found.target.dtype))
