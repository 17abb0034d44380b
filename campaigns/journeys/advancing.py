"""People go on: from where they rest to where they rest next, a page in one transaction.

The rows are the queue: a page of entries that are due is claimed (SKIP LOCKED on PostgreSQL), its people are held, and
all that happens to them is written together. Killed at any line, nothing of the page has happened; nothing of it
happens twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef

from campaigns.journeys import facts
from campaigns.journeys.deeds import DEEDS, Stopped
from campaigns.journeys.page import Left, Move, Page, State, suppress_what_waits
from campaigns.models import Campaign, JourneyEntry, JourneyVisit
from campaigns.reach import PURPOSE_OF_CHANNEL
from customers import consent, installation

PAGE = 200
log = structlog.get_logger()


def advance_all(*, at: datetime) -> int:
    """Move everyone who is due, of the higher campaigns first; answers how many moves were made."""
    end_cancelled(at=at)
    moved = 0
    for campaign in _due_campaigns(at=at):
        while page := advance(campaign, at=at):
            moved += page
    return moved


def _due_campaigns(*, at: datetime) -> list[Campaign]:
    due = JourneyEntry.objects.filter(campaign=OuterRef("pk"), state=State.WAITING, wake_at__lte=at)
    running = Campaign.objects.filter(kind=Campaign.Kind.JOURNEY, status=Campaign.Status.RUNNING)
    return list(running.filter(Exists(due)).order_by("-priority", "pk"))


def end_cancelled(*, at: datetime) -> int:
    """Whoever is in a campaign that ended leaves; answers how many. Three statements."""
    over = (Campaign.Status.CANCELLED, Campaign.Status.FINISHED, Campaign.Status.ARCHIVED)
    inside = JourneyEntry.objects.filter(state=State.WAITING, campaign__status__in=over)
    with transaction.atomic():
        ids = list(inside.select_for_update(of=("self",)).values_list("pk", flat=True)[: 10 * PAGE])
        if ids:
            JourneyVisit.objects.filter(entry__in=ids, left_at__isnull=True).update(
                left_at=at, outcome=Left.CANCELLED
            )
            JourneyEntry.objects.filter(pk__in=ids).update(
                state=State.LEFT, left_by=Left.CANCELLED, left_at=at, wake_at=None
            )
            suppress_what_waits(ids, at=at)
    return len(ids)


def advance(campaign: Campaign, *, at: datetime, limit: int = PAGE) -> int:
    """Move the next page of a journey's people; answers how many. Nought when none is due, it does not run, or all is held.

    A bounded number of queries, which grows with the steps that the page comes by and not with its people.
    """
    if not installation.may_send(at=at):
        return 0
    try:
        return _advance(campaign, at=at, limit=limit)
    except Stopped:
        return 0
    except OperationalError:
        raise
    except Exception:  # whatever it was, it was one of these people: the others go on (R7)
        log.exception("a page of a journey could not go on", campaign=campaign.pk)
    return _one_by_one(campaign, at=at, limit=limit)


def _one_by_one(campaign: Campaign, *, at: datetime, limit: int) -> int:
    """Each by themselves, so that only whose step fails has failed."""
    ids = list(_due(campaign, at=at).values_list("pk", flat=True)[:limit])
    for pk in ids:
        try:
            _advance(campaign, at=at, limit=1, only=pk)
        except Stopped:
            return 0
        except OperationalError:
            raise
        except Exception:
            log.exception("a person in a journey could not go on", entry=pk)
            JourneyEntry.objects.filter(pk=pk, state=State.WAITING).update(
                state=State.LEFT, left_by=Left.FAILED, left_at=at, wake_at=None
            )
    return len(ids)


def _due(campaign: Campaign, *, at: datetime) -> Any:
    due = JourneyEntry.objects.filter(campaign=campaign, state=State.WAITING, wake_at__lte=at)
    return due.filter(campaign__status=Campaign.Status.RUNNING).order_by("wake_at", "pk")


def _advance(campaign: Campaign, *, at: datetime, limit: int, only: int | None = None) -> int:
    with transaction.atomic():
        due = _due(campaign, at=at)
        if only is not None:
            due = due.filter(pk=only)
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(of=("self",), skip_locked=True)
        entries = list(due.select_related("version")[:limit])
        if not entries:
            return 0
        # Before anything of them is read: answers, sends and moves take turns.
        people = consent.hold({entry.customer_id for entry in entries})
        page = Page(campaign, entries, people, at=at)
        _let_go(page)
        while moving := page.moving():
            for (_version, name), moves in _together(moving).items():
                step = moves[0].definition.steps.get(name)
                if step is None:
                    for move in moves:
                        page.leave(move, Left.FAILED)
                else:
                    DEEDS[step["kind"]](page, name, step, moves)
        page.write()
    return len(entries)


def _together(moves: Sequence[Move]) -> dict[tuple[int, str], list[Move]]:
    """Who stands at the same step of the same version."""
    found: dict[tuple[int, str], list[Move]] = {}
    for move in moves:
        found.setdefault((move.entry.version_id, move.entry.step), []).append(move)
    return found


def _let_go(page: Page) -> None:
    """Who is gone, allows it no more or did what the journey is for leaves before the next step. A query each."""
    needed: dict[str, list[Move]] = {}
    goals: dict[int, list[Move]] = {}
    channel_purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(page.campaign.channel)]
    for move in page.moves:
        person = page.people.get(move.entry.customer_id)
        if person is None or person.erased_at is not None or person.merged_into_id is not None:
            page.leave(move, Left.GONE)
            continue
        for purpose in move.definition.purposes(channel_purpose):
            needed.setdefault(purpose, []).append(move)
        if move.definition.goal is not None:
            goals.setdefault(move.entry.version_id, []).append(move)
    for purpose, moves in needed.items():
        verdicts = consent.verdicts({move.entry.customer_id for move in moves}, purpose)
        for move in moves:
            verdict = verdicts.get(move.entry.customer_id)
            if move.is_moving and (verdict is None or not verdict.allowed):
                page.leave(move, Left.NO_CONSENT)
    for moves in goals.values():
        goal = moves[0].definition.goal or {}
        since = {move.entry.customer_id: move.entry.entered_at for move in moves if move.is_moving}
        reached = facts.did_since(goal, since)
        for move in moves:
            if move.is_moving and move.entry.customer_id in reached:
                page.leave(move, Left.GOAL)
