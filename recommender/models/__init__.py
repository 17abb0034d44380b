"""Every model of the app, by its noun."""

from recommender.models.learnt import ModelVersion, Task, TrainingRun
from recommender.models.looks import Look
from recommender.models.pairs import PairCount, PairShard
from recommender.models.people import ClusterMembership, Interest, RefusedInterest, Score
from recommender.models.placements import Placement, Promotion, Shown
from recommender.models.shared import SharedStatistics

__all__ = [
    "ClusterMembership",
    "Interest",
    "Look",
    "ModelVersion",
    "PairCount",
    "PairShard",
    "Placement",
    "Promotion",
    "RefusedInterest",
    "Score",
    "SharedStatistics",
    "Shown",
    "Task",
    "TrainingRun",
]
