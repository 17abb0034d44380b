"""People go on: from where they rest to where they rest next, a page in one transaction.

The rows are the queue: a page of entries that are due is claimed (SKIP LOCKED on PostgreSQL), its people are held, and
all that happens to them is written together. Killed at any line, nothing of the page has happened; nothing of it
happens twice.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef

from campaigns import deciding, experiments, segments
from campaigns.journeys import clocks, facts, steps
from campaigns.journeys.page import PLANNED, Left, Move, Page, State, suppress_what_waits
from campaigns.journeys.versions import add_to_waterfall, locked_run
from campaigns.models import Campaign, JourneyEntry, JourneyVisit
from campaigns.reach import PURPOSE_OF_CHANNEL
from customers import consent, installation

PAGE = 200
ASK_AGAIN = timedelta(hours=1)
# What passes by itself, so that a message may wait for it. Of the rest none does: who may wait leaves instead.
PASSING = ("capped", "quiet_hours", "no_offer", "their_choice")
log = structlog.get_logger()


class _Stopped(Exception):
    """The campaign stopped running meanwhile: nothing of this page has happened."""


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
    except _Stopped:
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
        except _Stopped:
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
                    STEPS[step["kind"]](page, name, step, moves)
        page.write()
    return len(entries)


def _together(moves: Sequence[Move]) -> dict[tuple[int, str], list[Move]]:
    """Who stands at the same step of the same version."""
    found: dict[tuple[int, str], list[Move]] = {}
    for move in moves:
        found.setdefault((move.entry.version_id, move.entry.step), []).append(move)
    return found


# --- leaving -----------------------------------------------------------------------------------------------------


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


# --- the steps ---------------------------------------------------------------------------------------------------


def _message(page: Page, name: str, step: Mapping[str, Any], moves: Sequence[Move]) -> None:
    """Plan the message for everyone who stands here, together."""
    content = page.message(step["message"])
    for group in _by_number(moves):
        people, going = {}, []
        for move in group:
            page.arrive(move)
            audience = page.audience(move.entry)
            if content is None or audience is None:
                page.leave(move, Left.FAILED)
                continue
            people[move.entry.customer_id] = audience
            going.append(move)
        if not going:
            continue
        run = locked_run(page.campaign, at=page.at)
        if run is None:
            raise _Stopped
        planned = deciding.plan_people(
            run,
            people,
            entries={move.entry.customer_id: move.entry for move in going},
            step=going[0].messages,
            content=content,
            at=page.at,
        )
        for move in going:
            if move.entry.customer_id in planned.deliveries:
                page.go(move, step["next"], PLANNED)
            elif _not_sent(page, step, move, planned.refused[move.entry.customer_id]):
                # They are asked again, and counted when they have been for the last time.
                del planned.refused[move.entry.customer_id]
        deciding.count(planned)
        add_to_waterfall(run, planned.waterfall)


def _by_number(moves: Sequence[Move]) -> list[list[Move]]:
    """By how many messages they had before; nobody twice in one group."""
    groups: dict[tuple[int, int], list[Move]] = {}
    times: Counter[tuple[int, int]] = Counter()
    for move in moves:
        mine = (move.messages, move.entry.customer_id)
        groups.setdefault((move.messages, times[mine]), []).append(move)
        times[mine] += 1
    return list(groups.values())


def _not_sent(page: Page, step: Mapping[str, Any], move: Move, why: str) -> bool:
    """What the step says of a message that may not go; True where it is asked again."""
    policy = step["if_not_sent"]
    if why == "no_consent":
        page.leave(move, Left.NO_CONSENT, why)
    elif policy == "go_on":
        page.go(move, step["next"], why)
    elif policy == "exit" or why not in PASSING:
        page.leave(move, Left.SKIPPED, why)
    elif page.at + ASK_AGAIN > page.arrive(move).arrived_at + timedelta(
        hours=step.get("wait_hours", steps.WAIT_HOURS)
    ):
        page.go(move, step["next"], why)
    else:
        page.rest(move, page.at + ASK_AGAIN)
        return True
    return False


def _wait(page: Page, name: str, step: Mapping[str, Any], moves: Sequence[Move]) -> None:
    by_date = "until_expected_order" in step
    fresh = [move.entry.customer_id for move in moves if move.visit is None]
    expected = facts.expected_orders(fresh) if fresh and by_date else {}
    for move in moves:
        waited = move.visit is not None
        until = page.at
        # Someone may be woken before their time, and the step be another than when they came.
        if not (waited and by_date):
            until = clocks.over_at(
                step,
                arrived_at=page.arrive(move).arrived_at,
                time_zone=page.people[move.entry.customer_id].time_zone,
                expected=expected.get(move.entry.customer_id),
            )
        if until > page.at:
            page.rest(move, until)
        else:
            page.go(move, step["next"], "waited" if waited else "nothing_to_wait_for")


def _wait_for(page: Page, name: str, step: Mapping[str, Any], moves: Sequence[Move]) -> None:
    since = {move.entry.customer_id: page.arrive(move).arrived_at for move in moves}
    happened = facts.did_since(step["event"], since)
    for move in moves:
        over = page.arrive(move).arrived_at + timedelta(hours=step["within_hours"])
        if move.entry.customer_id in happened:
            page.go(move, step["next"], "happened")
        elif over <= page.at:
            page.go(move, step["otherwise"], "timed_out")
        else:
            page.rest(move, over)


def _split(page: Page, name: str, step: Mapping[str, Any], moves: Sequence[Move]) -> None:
    if "percent" in step:
        # In one order: a database may keep an object's names in another than they were written in.
        shares = dict(sorted(step["percent"].items()))
        for move in moves:
            to = experiments.drawn(f"{page.campaign.salt}:{name}", shares, move.entry.customer_id)
            page.go(move, to, f"to {to}")
        return
    try:
        who = facts.matching(step["rule"], [move.entry.customer_id for move in moves], at=page.at)
    except segments.InvalidRule as invalid:
        log.warning("a split cannot be told", campaign=page.campaign.pk, step=name, why=str(invalid))
        for move in moves:
            page.leave(move, Left.FAILED)
        return
    for move in moves:
        yes = move.entry.customer_id in who
        page.go(move, step["next"] if yes else step["otherwise"], "yes" if yes else "no")


def _exit(page: Page, name: str, step: Mapping[str, Any], moves: Sequence[Move]) -> None:
    for move in moves:
        page.arrive(move)
        page.leave(move, Left.EXIT)


STEPS: Mapping[str, Callable[[Page, str, Mapping[str, Any], Sequence[Move]], None]] = {
    "message": _message,
    "wait": _wait,
    "wait_for": _wait_for,
    "split": _split,
    "exit": _exit,
}
