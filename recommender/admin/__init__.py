"""The desk's pages of what suits whom: one file a noun."""

from recommender.admin import learnt, people, pictures, placements, shared, trainings

__all__ = ["learnt", "people", "pictures", "placements", "shared", "trainings"]
