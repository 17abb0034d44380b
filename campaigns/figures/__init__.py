"""The few numbers of the desk's home, counted in the background and kept a row a day.

At a million customers each of them takes seconds, and the home is opened all day: so the pages read what stands, and
say as of when. Nothing kept tells of a few people (N1), nor do two days subtracted: what is counted anew each day is
kept in tens, and money to two digits (decision 0020).
"""

from campaigns.figures.earning import EARLY, NO_CONTROL, RATIO
from campaigns.figures.noting import EVERY, note_due
from campaigns.figures.rows import PERIOD, WEEKS, Figures, days_shown, read

__all__ = [
    "EARLY",
    "EVERY",
    "NO_CONTROL",
    "PERIOD",
    "RATIO",
    "WEEKS",
    "Figures",
    "days_shown",
    "note_due",
    "read",
]
