"""What is done at each kind of step, for all who stand at one of the same version together."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from campaigns import deciding, experiments, segments
from campaigns.journeys import clocks, facts, steps
from campaigns.journeys.page import PLANNED, Left, Move, Page
from campaigns.journeys.versions import add_to_waterfall, locked_run

ASK_AGAIN = timedelta(hours=1)
# What passes by itself, so that a message may wait for it. Of the rest none does: who may wait leaves instead.
PASSING = ("capped", "quiet_hours", "no_offer", "their_choice")
log = structlog.get_logger()


class Stopped(Exception):
    """The campaign stopped running meanwhile: nothing of this page has happened."""


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
            raise Stopped
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


DEEDS: Mapping[str, Callable[[Page, str, Mapping[str, Any], Sequence[Move]], None]] = {
    "message": _message,
    "wait": _wait,
    "wait_for": _wait_for,
    "split": _split,
    "exit": _exit,
}
