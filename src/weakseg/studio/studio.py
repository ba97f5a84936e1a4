"""The parts of an open studio, and their end."""

from weakseg.studio.live import Live
from weakseg.studio.project import Project
from weakseg.studio.ranking import Ranking
from weakseg.studio.sight import Predict, Sight
from weakseg.studio.training import Training


class Studio:
    """An open folder with stage A, training and the order of its images.

    Args:
        project: the folder.
        predict: a network's probabilities, until one is trained here.
    """

    def __init__(self, project: Project, predict: Predict | None = None):
        self.project = project
        self.training = Training(project.root, project.drawn)
        self.sight = Sight(project, predict, self.training.checkpoint)
        self.live = Live(project, self.sight)
        self.ranking = Ranking(project, self.sight, self.live.busy)

    def end(self) -> None:
        """Stop what goes on; a training keeps its last finished epoch."""
        self.ranking.end()
        self.live.end()
        self.training.end()
