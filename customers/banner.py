"""What a consent manager's banner says in `context.consent`, in our purposes.

It lowers consent as it is; it raises it only with the evidence that any yes needs: a notice of ours, and its language
(C5, C9). Source of the field: Segment's specification of consent in the tracking API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from customers import consent, gpc
from customers.consent import Answer, Evidence
from customers.models import ConsentState
from customers.purposes import PURPOSES
from customers.values import text

# What a consent manager calls its categories, beside our own slugs. A no may mean more than was said, a yes never does.
CATEGORIES: Mapping[str, Sequence[str]] = {
    "analytics": ("analytics",),
    "statistics": ("analytics",),
    "performance": ("analytics",),
    "personalisation": ("personalization",),
    "advertising": ("personalization", "partner_sharing"),
    "targeting": ("personalization", "partner_sharing"),
    "marketing": ("personalization", "partner_sharing"),
}
METHOD = "context.consent"


@dataclass(frozen=True)
class Answers:
    """What a message says its person allows. Without a notice it can only lower consent."""

    purposes: Mapping[str, bool] = field(default_factory=dict)
    notice: str = ""
    language: str = ""


NOTHING_SAID = Answers()


def answers_of(message: Mapping[str, Any]) -> Answers:
    """`context.consent.categoryPreferences`: a consent manager's categories or our purposes, each true or false.

    Of two categories that mean one purpose the no holds. A yes to a category of many meanings says nothing.
    """
    context = message.get("context")
    said = context.get("consent") if isinstance(context, dict) else None
    if not isinstance(said, dict):
        return NOTHING_SAID
    chosen = said.get("categoryPreferences")
    found: dict[str, bool] = {}
    for category, allowed in chosen.items() if isinstance(chosen, dict) else ():
        slug = category.strip().lower().replace(" ", "_").replace("-", "_")
        if not isinstance(allowed, bool):
            continue
        for purpose in (slug,) if slug in PURPOSES else () if allowed else CATEGORIES.get(slug, ()):
            found[purpose] = allowed and found.get(purpose, True)
    return Answers(found, notice=text(said.get("notice"), 80), language=text(said.get("language"), 20))


def record(
    said: Sequence[tuple[int, datetime, Answers]], *, may_raise: bool, gpc_on: bool, at: datetime
) -> None:
    """Write down what these people (customer id, when, what) say anew; the last answer of one person counts.

    A no counts whenever it was said. A yes counts where it is newer than what is known, has its evidence, and the
    browser's signal does not say no in the same breath. Every message repeats the banner's state: what is known
    already adds nothing, and costs one query.
    """
    wanted = {
        (customer, purpose): (granted, when, answers)
        for customer, when, answers in said
        for purpose, granted in answers.purposes.items()
    }
    known = {
        (state.customer_id, state.purpose): state
        for state in ConsentState.objects.filter(
            customer_id__in={customer for customer, _purpose in wanted},
            purpose__in={purpose for _customer, purpose in wanted},
        )
    }
    texts: dict[tuple[str, str, str], str] = {}
    news: list[Answer] = []
    for (customer, purpose), (granted, when, answers) in wanted.items():
        state = known.get((customer, purpose))
        if state is not None and (state.granted == granted or (granted and when <= state.at)):
            continue
        if granted and (not may_raise or (gpc_on and purpose in gpc.PURPOSES)):
            continue
        evidence = Evidence(answers.notice if granted else "", answers.language if granted else "", METHOD, "segment", "customer")  # fmt: skip
        answer = Answer(customer, purpose, granted, evidence)
        try:
            consent.check_answer(answer, texts)
        except consent.NoEvidence:
            continue
        news.append(answer)
    if news:
        consent.record(news, at=at)
