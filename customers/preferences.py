"""What a person allows, as they see and change it themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery

from customers import consent, gpc, purposes
from customers.consent import Answer, Evidence
from customers.models import ConsentRecord, ConsentState, Customer, SilentYes
from customers.purposes import ShownText

METHOD, ACTOR = "preference page", "customer"


@dataclass(frozen=True)
class Choice:
    """One switch: the words beside it, and how it stands. `since` is empty where nobody has answered."""

    purpose: str
    notice: ShownText
    is_on: bool
    since: datetime | None
    is_signal: bool = False
    """The answer was the browser's, by Global Privacy Control, and not given here."""


@dataclass(frozen=True)
class Changes:
    """What a save did. `reworded` stayed off because its words changed after the page was opened."""

    turned_on: tuple[str, ...] = ()
    turned_off: tuple[str, ...] = ()
    reworded: tuple[str, ...] = ()


def is_allowed(customer_id: int, purpose: str) -> bool:
    """The gate's present answer."""
    verdict = consent.verdicts([customer_id], purpose).get(customer_id)
    return verdict is not None and verdict.allowed


def answers(customer_id: int) -> dict[str, bool]:
    """For each purpose what the person answered, or their law says for who never did; to show them, never to act on.

    A restriction is left out of it: it denies everything, and their answers hold again once it is lifted. Three queries.
    """
    law = Customer.objects.present().filter(pk=customer_id).values_list("jurisdiction", flat=True).first()
    if law is None:
        return dict.fromkeys(purposes.PURPOSES, False)
    newest = {
        purpose: (granted, record)
        for purpose, granted, record in ConsentState.objects.filter(customer_id=customer_id).values_list(
            "purpose", "granted", "record_id"
        )
    }
    silent = set(SilentYes.objects.filter(jurisdiction__code=law).values_list("purpose", flat=True))
    return {
        purpose: consent.verdict_of(law, newest.get(purpose), silence_means_yes=purpose in silent).allowed
        for purpose in purposes.PURPOSES
    }


def choices(customer_id: int, *, language: str) -> list[Choice]:
    """Every purpose with its words in the language (or in English) and the person's present answer."""
    newest = ConsentRecord.objects.filter(pk=OuterRef("record_id")).values("method")[:1]
    states = ConsentState.objects.filter(customer_id=customer_id).annotate(method=Subquery(newest))
    answered = {
        purpose: (at, not granted and method in gpc.METHODS)
        for purpose, at, granted, method in states.values_list("purpose", "at", "granted", "method")
    }
    present = answers(customer_id)
    return [
        Choice(
            purpose,
            purposes.current_notice(purpose, language),
            present[purpose],
            *answered.get(purpose, (None, False)),
        )
        for purpose in purposes.PURPOSES
    ]


def save(
    customer_id: int,
    *,
    wanted: Mapping[str, bool],
    shown: Mapping[str, tuple[str, str]],
    source: str,
    at: datetime,
) -> Changes:
    """Write down what differs from how it stood, all in one transaction.

    shown : purpose -> (notice, language), the words that stood beside the switch. A purpose that was not shown is not
    touched. A yes counts only to the words that hold now; a no always counts.
    """
    on: list[str] = []
    off: list[str] = []
    reworded: list[str] = []
    given: list[Answer] = []
    with transaction.atomic():
        consent.hold([customer_id])
        before = answers(customer_id)
        for purpose, is_wanted in wanted.items():
            if purpose not in purposes.PURPOSES or purpose not in shown:
                continue
            if is_wanted == before[purpose]:
                continue
            notice, language = shown[purpose]
            if is_wanted:
                now = purposes.current_notice(purpose, language)
                if (now.notice, now.language) != (notice, language):
                    reworded.append(purpose)
                    continue
            (on if is_wanted else off).append(purpose)
            evidence = (
                Evidence(notice, language, METHOD, source, ACTOR)
                if is_wanted
                else Evidence("", "", METHOD, source, ACTOR)
            )
            given.append(Answer(customer_id, purpose, is_wanted, evidence))
        consent.record(given, at=at)
    return Changes(tuple(on), tuple(off), tuple(reworded))


def leave(customer_id: int, purpose: str, *, method: str, source: str, at: datetime) -> bool:
    """A no to one purpose, written down once: whether it was new."""
    with transaction.atomic():
        consent.hold([customer_id])
        if ConsentState.objects.filter(customer_id=customer_id, purpose=purpose, granted=False).exists():
            return False
        consent.withdraw(customer_id, purpose, method=method, source=source, actor=ACTOR, at=at)
        return True


def stop(customer_id: int, *, source: str, at: datetime) -> list[str]:
    """A no to every purpose, also to those nobody asked about yet; the purposes that were not refused before."""
    with transaction.atomic():
        consent.hold([customer_id])
        refused = set(
            ConsentState.objects.filter(customer_id=customer_id, granted=False).values_list(
                "purpose", flat=True
            )
        )
        open_ones = [purpose for purpose in purposes.PURPOSES if purpose not in refused]
        consent.withdraw_all(customer_id, method=METHOD, source=source, actor=ACTOR, at=at, only=open_ones)
        return open_ones
