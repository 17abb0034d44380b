"""Histories -> fitted -> measured -> champion or refused. One file a task; `running` holds the wishes.

Nothing goes live half: a model's file is published whole, and the row that names it is switched in one transaction.
"""

from recommender.training.choosing import CannotServe, can_serve, is_kept, put_live
from recommender.training.forgetting import forget_who_left
from recommender.training.leases import LEASE, TooLate, cancel, seconds_left, take
from recommender.training.publishing import drop_files
from recommender.training.renewal import renew
from recommender.training.running import TASKS, ask, claim, work

TRAINABLE = tuple(TASKS)
__all__ = [
    "LEASE", "TRAINABLE", "CannotServe", "TooLate", "ask", "can_serve", "cancel", "claim", "drop_files", "forget_who_left",
    "is_kept", "put_live", "renew", "seconds_left", "take", "work",
]  # fmt: skip
