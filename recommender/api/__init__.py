"""The storefront's doors to what suits whom: lists, reviews, and the models behind them."""

from recommender.api.lists import RankView, RecommendationsView, SimilarView, known_customer
from recommender.api.models import CancelTrainingView, ModelsView, TrainingRunView, TrainView
from recommender.api.reviews import ReviewsView

__all__ = [
    "CancelTrainingView",
    "ModelsView",
    "RankView",
    "RecommendationsView",
    "ReviewsView",
    "SimilarView",
    "TrainView",
    "TrainingRunView",
    "known_customer",
]
