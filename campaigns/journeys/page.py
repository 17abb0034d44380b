"""A page of people on their way, moved together in one transaction: where each stands, and what is written of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from campaigns.journeys.definition import Definition
from campaigns.models import Campaign, CampaignSegment, Delivery, JourneyEntry, JourneyVisit, Message
from customers.models import Customer

State, Left = JourneyEntry.State, JourneyEntry.Left
PLANNED = "planned"
# How a visit to a message ended; every other step has words of its own. What is not planned is why not.
OF_MESSAGES = (
    PLANNED, "no_consent", "suppressed", "no_address", "their_choice", "holdout", "held_out", "capped", "quiet_hours", "no_offer",
)  # fmt: skip
# Nobody comes by a step twice in one moment; who would goes on after this while.
BREATH = timedelta(minutes=1)
# So many statements are still cheaper than writing every row back whole.
FEW = 8


@dataclass
class Move:
    """One person's way, from where they rested to where they rest next."""

    entry: JourneyEntry
    definition: Definition
    visit: JourneyVisit | None
    """The step at which they rest; None before they have come to it."""
    messages: int
    """How many messages of it they came by before: the number of the next."""
    seen: set[str] = field(default_factory=set)
    """Where they came in this moment."""
    is_moving: bool = True


class Page:
    """Entries of one campaign, locked by whoever made it."""

    def __init__(
        self,
        campaign: Campaign,
        entries: Sequence[JourneyEntry],
        people: Mapping[int, Customer],
        *,
        at: datetime,
    ) -> None:
        self.campaign, self.people, self.at = campaign, people, at
        resting = JourneyVisit.objects.filter(entry__in=entries, left_at__isnull=True)
        visits = {visit.entry_id: visit for visit in resting.order_by("pk")}
        counted = JourneyVisit.objects.filter(entry__in=entries, outcome__in=OF_MESSAGES)
        messages = dict(counted.values_list("entry_id").annotate(n=Count("pk")).order_by())
        definitions = {entry.version_id: Definition.of(entry.version.definition) for entry in entries}
        self.moves = [
            Move(entry, definitions[entry.version_id], visits.get(entry.pk), messages.get(entry.pk, 0))
            for entry in entries
        ]
        self._visits: list[JourneyVisit] = []
        self._messages: dict[str, Message] | None = None
        self._audiences: dict[int, CampaignSegment] | None = None

    def moving(self) -> list[Move]:
        return [move for move in self.moves if move.is_moving]

    def message(self, slug: str) -> Message | None:
        """A message by its name. One query a page."""
        if self._messages is None:
            wanted = {
                step["message"]
                for move in self.moves
                for step in move.definition.steps.values()
                if step["kind"] == "message"
            }
            self._messages = {row.slug: row for row in Message.objects.filter(slug__in=wanted)}
        return self._messages.get(slug)

    def audience(self, entry: JourneyEntry) -> CampaignSegment | None:
        """The audience they entered by; the first where that is gone. Three queries a page."""
        if self._audiences is None:
            rows = self.campaign.audiences.select_related("segment").prefetch_related("offers__categories")
            self._audiences = {row.pk: row for row in rows}
        first = next(iter(self._audiences.values()), None)
        return self._audiences.get(entry.cause.get("audience", 0), first)

    # --- what can become of a move ---------------------------------------------------------------------------

    def arrive(self, move: Move) -> JourneyVisit:
        """The visit to the step they are at, begun now unless they rest there already."""
        visit = move.visit
        if visit is None:
            visit = move.visit = JourneyVisit(entry=move.entry, step=move.entry.step, arrived_at=self.at)
            move.seen.add(move.entry.step)
        return visit

    def go(self, move: Move, to: str | None, outcome: str) -> None:
        """On to the next step, or to the end."""
        self._close(move, outcome)
        if to is None:
            self._end(move, State.DONE)
            return
        move.entry.step = to
        if to in move.seen:
            move.entry.wake_at, move.is_moving = self.at + BREATH, False

    def rest(self, move: Move, until: datetime) -> None:
        visit = self.arrive(move)
        kept: int | None = visit.pk
        if kept is None:
            self._visits.append(visit)
        move.entry.wake_at, move.is_moving = until, False

    def leave(self, move: Move, why: str, outcome: str = "") -> None:
        if move.visit is not None:
            self._close(move, outcome or why)
        move.entry.left_by = why
        self._end(move, State.LEFT)

    def _close(self, move: Move, outcome: str) -> None:
        visit = self.arrive(move)
        visit.left_at, visit.outcome = self.at, outcome
        self._visits.append(visit)
        move.visit = None
        move.messages += outcome in OF_MESSAGES

    def _end(self, move: Move, state: str) -> None:
        move.entry.state, move.entry.left_at, move.entry.wake_at = state, self.at, None
        move.is_moving = False

    # --- the end of the page ---------------------------------------------------------------------------------

    def write(self) -> None:
        """A handful of statements."""
        JourneyVisit.objects.bulk_create([row for row in self._visits if row.pk is None], batch_size=500)
        _update(JourneyVisit, [row for row in self._visits if row.pk is not None], ("left_at", "outcome"))
        entries = [move.entry for move in self.moves]
        _update(JourneyEntry, entries, ("step", "state", "wake_at", "left_at", "left_by"))
        suppress_what_waits(
            [move.entry.pk for move in self.moves if move.entry.state == State.LEFT], at=self.at
        )


def _update(model: type[Any], rows: Sequence[Any], fields: Sequence[str]) -> None:
    """Rows that came to the same place are one statement; where they came to many, they are written back as they are."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in fields), []).append(row.pk)
    if len(groups) <= FEW:
        for values, pks in groups.items():
            model.objects.filter(pk__in=pks).update(**dict(zip(fields, values, strict=True)))
    else:
        model.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=fields, batch_size=200
        )


def suppress_what_waits(entry_ids: Sequence[int], *, at: datetime) -> None:
    """Messages of people who left early, and not sent yet, are not sent any more."""
    if entry_ids:
        waiting = Q(status__in=(Delivery.Status.PLANNED, Delivery.Status.RETRY))
        Delivery.objects.filter(waiting, entry__in=entry_ids).update(
            status=Delivery.Status.SUPPRESSED, reason=Delivery.Reason.LEFT_JOURNEY, ended_at=at
        )
