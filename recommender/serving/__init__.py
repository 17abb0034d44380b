"""Live model -> ranking, from the newest history, within milliseconds. One file a noun.

Nothing is stored per person: a ranking is scored from what the person did up to this very moment, so the next event
changes the next answer. Whoever does not allow `personalization` has no history here and gets what strangers get.
"""

from recommender.serving.answers import STRANGER, Item, Reason, Recommendation
from recommender.serving.asked import Asked, AskedOf
from recommender.serving.beside import similar
from recommender.serving.filters import Filters, Mode
from recommender.serving.lists import recommend, recommend_basket, recommend_many
from recommender.serving.live import load
from recommender.serving.pasts import HISTORY_LENGTH, WEIGHTS, history

__all__ = [
    "HISTORY_LENGTH",
    "STRANGER",
    "WEIGHTS",
    "Asked",
    "AskedOf",
    "Filters",
    "Item",
    "Mode",
    "Reason",
    "Recommendation",
    "history",
    "load",
    "recommend",
    "recommend_basket",
    "recommend_many",
    "similar",
]
