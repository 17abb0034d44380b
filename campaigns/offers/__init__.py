"""What: candidates -> eligibility -> caps -> budget -> ranking -> slots, for a page of people at once."""

from campaigns.offers.candidates import Choice, Taste, generosity, is_in_force, set_aside_of, worst
from campaigns.offers.choosing import choose_and_commit
from campaigns.offers.formula import InvalidFormula

__all__ = [
    "Choice",
    "InvalidFormula",
    "Taste",
    "choose_and_commit",
    "generosity",
    "is_in_force",
    "set_aside_of",
    "worst",
]
