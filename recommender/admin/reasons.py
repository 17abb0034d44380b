"""What a training is doing, and why it ended as it did, in the reader's language.

What learns knows no language: it writes English sentences with its numbers into rows, and programs read them so. Here
each sentence is known again by its form, and said anew with the same numbers. A test finds a sentence that is missing.
"""

import re
from collections.abc import Iterator
from functools import cache

from django.utils.translation import get_language, gettext, gettext_noop

# `why` is a sentence of this list itself.
FORMS = (
    gettext_noop(
        "Fewer than %(needed)s people who allow personalization acted before and during the last 30 days: too few to "
        "measure by."
    ),
    gettext_noop(
        "Fewer than %(needed)s people who allow personalization acted more than once: too few to measure by."
    ),
    gettext_noop("Fewer than %(needed)s people can be validated on: too few to choose by."),
    gettext_noop("not better than plain popularity on the held-out month"),
    gettext_noop("the first; %(gain)s NDCG@10 over plain popularity"),
    gettext_noop("the same algorithm as before, learnt from newer behaviour"),
    gettext_noop("the same as before with weights learnt anew; %(gain)s NDCG@10 (%(low)s to %(high)s)"),
    gettext_noop("%(gain)s NDCG@10 (%(low)s to %(high)s) against the live %(algorithm)s"),
    gettext_noop("stays, learnt anew; %(why)s"),
    gettext_noop("put live by hand by %(by)s"),
    gettext_noop("what strangers see"),
    gettext_noop("newest behaviour"),
    gettext_noop("the newest pictures"),
    gettext_noop("%(products)s products have a picture; see_pictures FOLDER reads pictures."),
    gettext_noop("it knew people who left a day ago, and was not learnt anew"),
    gettext_noop("it could not be learnt anew"),
    gettext_noop("everybody it learnt from has left"),
    gettext_noop("it knows people who have left, and cannot be learnt anew: %(why)s"),
    gettext_noop("Nobody who allows personalization has bought anything yet."),
    gettext_noop("No product that was bought has a category."),
    gettext_noop("No category has %(needed)s people who acted, and as many who did not."),
    gettext_noop("There is no past before the two windows."),
    gettext_noop("Clusters need at least 30 people."),
    gettext_noop(
        "There are %(good)s favourable and %(bad)s unfavourable rated reviews that may be learnt from; it needs "
        "%(needed)s of each."
    ),
    gettext_noop("Too many of the texts are the same: a class has no two different ones."),
    gettext_noop("Learning needs %(needed)s texts of each of at least two classes; there are %(found)s."),
    gettext_noop("better than always saying the commoner"),
    gettext_noop("not surely better than always saying the commoner"),
    gettext_noop("purchase: %(why)s"),
    gettext_noop("churn: %(why)s"),
    gettext_noop("lifetime value: %(why)s"),
    gettext_noop("people cannot be told apart yet, so nothing is told."),
    gettext_noop("%(needed)s days of orders are needed; there are %(days)s."),
    gettext_noop(
        "When people return is learnt from %(people)s people who ordered, %(again)s of them twice, over %(days)s days; "
        "there are fewer, or less."
    ),
    gettext_noop(
        "What an order is worth is learnt from %(people)s people whose orders had a value, %(again)s of them twice; "
        "there are fewer."
    ),
    gettext_noop("The shop's rhythm needs %(needed)s people who ordered twice; there are fewer."),
    gettext_noop("To learn from, %(yes)s who did and %(no)s who did not are needed; there are fewer."),
    gettext_noop("To calibrate on, %(yes)s who did and %(no)s who did not are needed; there are fewer."),
    gettext_noop("To choose by, %(yes)s who did and %(no)s who did not are needed; there are fewer."),
    gettext_noop("To measure on, %(yes)s who did and %(no)s who did not are needed; there are fewer."),
    gettext_noop(
        "not enough data yet: fewer than %(needed)s people who had bought before bought again in each of the last three "
        "months"
    ),
    gettext_noop("not enough data yet: nobody who allows personalization has ordered anything"),
    gettext_noop("who buys cannot be told from who does not yet"),
    gettext_noop("It was stopped while it was going live; train again."),
    # What it is doing at the moment.
    gettext_noop("reading what people did"),
    gettext_noop("measuring on the last window"),
    gettext_noop("learning from everything"),
    gettext_noop("writing down interests"),
    gettext_noop("finding groups"),
    gettext_noop("who orders soon"),
    gettext_noop("who stays away"),
    gettext_noop("when, and for how much"),
    gettext_noop("writing down scores"),
    gettext_noop("the held-out month: the live %(algorithm)s"),
    gettext_noop("the held-out month: %(algorithm)s"),
    gettext_noop("how many would buy of some products"),
    gettext_noop("reading what was seen"),
    gettext_noop("comparing pictures"),
    gettext_noop("learning from every rated review"),
    gettext_noop("writing down what reviews say"),
    gettext_noop("measuring: the newest fifth"),
    gettext_noop("measuring: %(folds)s folds"),
    gettext_noop("the newest fifth"),
    gettext_noop("%(folds)s folds"),
)


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    def pattern(form: str) -> re.Pattern[str]:
        parts = re.split(r"%\((\w+)\)s", form)
        told = [f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)]
        return re.compile("".join(told), re.DOTALL)

    return tuple((form, pattern(form)) for form in FORMS)


def told(reason: str) -> str:
    """The reason in the reader's language; as it stands where its form is unknown, such as an error's own words."""
    if (get_language() or "en").startswith("en") or not reason:
        return reason
    return _known(reason) or " ".join(_known(sentence) or sentence for sentence in _sentences(reason))


def is_known(reason: str) -> bool:
    return bool(_known(reason)) or all(_known(sentence) for sentence in _sentences(reason))


def _known(reason: str) -> str:
    for form, pattern in _forms():
        if match := pattern.fullmatch(reason):
            parts = match.groupdict()
            if "why" in parts:
                parts["why"] = told(parts["why"])
            return gettext(form) % parts
    return ""


def _sentences(reason: str) -> Iterator[str]:
    """Of several reasons one after the other, each."""
    yield from re.split(r"(?<=\.) (?=\S)", reason)
