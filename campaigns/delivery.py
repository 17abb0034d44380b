"""THE only way out.

planned → claimed → transmitting → sent | retry | failed | suppressed(reason) | unknown | cancelled

The rows are the queue. A page is claimed by a conditional update; every later update names the state and the attempt
it expects, so a worker that slept past its lease can change nothing. `transmitting` is committed before the body
begins, together with the gate's last answer under the person's lock: a withdrawal that commits first always wins.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection, transaction

from campaigns import journeys, messages, rules
from campaigns.channels import CHANNELS, Channel, LineBroken, Refused, Slows, TryLater
from campaigns.channels.webhook import Webhook
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages import Finished, Page
from campaigns.models import Campaign, Delivery
from campaigns.pace import EVERYWHERE, Paces, domain_of
from campaigns.queue import LEASE, claim, release_expired
from campaigns.queue import load as load  # who wants a message made asks here for what it is made from
from campaigns.reach import reachable
from campaigns.rules import Book
from customers import consent, encryption, installation, suppression
from customers.consent import Permission
from customers.models import Suppression

Clock = Callable[[], datetime]
Status, Reason = Delivery.Status, Delivery.Reason
PAGE = 100
MOST_ATTEMPTS = 5
log = structlog.get_logger()


@dataclass(frozen=True)
class AtHand:
    """What a page of messages shares."""

    about: Page
    book: Book
    paces: Paces
    clock: Clock


def deliver_due(*, clock: Clock, limit: int = PAGE) -> Counter[str]:
    """Send the next page of what is due; answers how many ended in which state. Empty when nothing is due, or held."""
    if not installation.may_send(at=clock()):
        return Counter()
    release_expired(at=clock())
    page = claim(at=clock(), limit=limit)
    done: Counter[str] = Counter()
    if not page:
        return done
    at_hand = AtHand(
        messages.page_of(page, at=clock()), rules.book({row.channel for row in page}), Paces(), clock
    )
    with ExitStack() as open_lines:
        open_lines.callback(at_hand.paces.release)
        lines: dict[tuple[str, int], Channel] = {}
        for delivery in page:
            campaign = delivery.run.campaign
            key = (delivery.channel, campaign.pk if delivery.channel == Campaign.Channel.WEBHOOK else 0)
            if key not in lines:
                lines[key] = open_lines.enter_context(_line(campaign))
            try:
                done[_deliver(delivery, lines[key], at_hand)] += 1
            except DatabaseError:
                raise
            except Exception as error:  # whatever it was, it was this message: the others go on (R7)
                log.exception("a message could not be delivered", delivery=delivery.pk)
                lines[key].drop()
                begun = delivery.status == Status.TRANSMITTING
                fate = Status.UNKNOWN if begun else Status.FAILED
                done[
                    _end(delivery, fate, clock(), detail=f"{type(error).__name__}: a defect, see the log")
                ] += 1
    return done


def deliver_all(*, clock: Clock, limit: int = PAGE) -> Counter[str]:
    """Send until nothing is due."""
    done: Counter[str] = Counter()
    while page := deliver_due(clock=clock, limit=limit):
        done += page
    return done


def _line(campaign: Campaign) -> Channel:
    if campaign.channel == Campaign.Channel.WEBHOOK:
        secret, *earlier = _webhook_secrets(campaign)
        return Webhook(campaign.webhook_url, secret, earlier=earlier)
    return CHANNELS[campaign.channel]()


def webhook_secret(campaign: Campaign) -> str:
    """The secret the receiver checks signatures with; shown to staff on the campaign's page."""
    return _webhook_secrets(campaign)[0]


def _webhook_secrets(campaign: Campaign) -> list[str]:
    """It, and those of earlier index keys."""
    return encryption.signing_secrets(f"webhook {campaign.pk}")


def _deliver(delivery: Delivery, line: Channel, at_hand: AtHand) -> str:
    """Bring one claimed delivery to its next state; answers that state. One bad message never stops the others."""
    clock = at_hand.clock
    if not installation.may_send(at=clock()):
        return _put_back(delivery, Status.PLANNED, delivery.not_before)
    if not _is_time(delivery, at_hand.book, clock()):
        return delivery.status
    try:
        if (until := _domain_waits(delivery, at_hand)) is not None:
            return _put_back(delivery, Status.RETRY, until)
        finished = messages.finish(delivery, delivery.content, at_hand.about)
    except TemplateFailed as error:
        return _end(delivery, Status.SUPPRESSED, clock(), reason=Reason.TEMPLATE, detail=str(error))
    except Aborted as error:
        return _end(delivery, Status.SUPPRESSED, clock(), reason=Reason.ABORTED, detail=str(error))
    except encryption.Unreadable:
        return _end(delivery, Status.SUPPRESSED, clock(), reason=Reason.ERASED)
    if not finished.address and delivery.channel == Campaign.Channel.EMAIL:
        return _end(delivery, Status.SUPPRESSED, clock(), reason=Reason.NO_ADDRESS)
    try:
        line.open(finished)
    except TryLater as error:
        return _again(delivery, finished, error, at_hand)
    except Refused as error:
        return _refused(delivery, finished, error, clock())
    permission = _begin(delivery, at_hand.book, clock())
    if permission is None:
        line.drop()
        return delivery.status
    try:
        line.send(finished, permission)
    except TryLater as error:
        return _again(delivery, finished, error, at_hand)
    except Refused as error:
        return _refused(delivery, finished, error, clock())
    except LineBroken as error:
        return _end(delivery, Status.UNKNOWN, clock(), detail=str(error))
    return _end(delivery, Status.SENT, clock())


def _is_time(delivery: Delivery, book: Book, at: datetime) -> bool:
    """Whether the hour is right, before anything is made or said; `_begin` asks once more. False: it has moved on."""
    quiet = book.quiet(delivery, at=at)
    if rules.is_late(delivery, at=at):
        _end(delivery, Status.SUPPRESSED, at, reason=Reason.TOO_LATE)
    elif quiet.until is None:
        _end(delivery, Status.SUPPRESSED, at, reason=Reason.QUIET_HOURS)
    elif quiet.until > at:
        _put_back(delivery, Status.PLANNED, quiet.until)
    else:
        return True
    return False


def _domain_waits(delivery: Delivery, at_hand: AtHand) -> datetime | None:
    """When the person's domain may be written to again; None: now. Asked before the message is made: that costs most."""
    if delivery.channel != Campaign.Channel.EMAIL or not at_hand.paces:
        return None
    address = encryption.unseal(delivery.customer).get("email", "")
    return at_hand.paces.wait(domain_of(address), at=at_hand.clock()) if address else None


def _begin(delivery: Delivery, book: Book, at: datetime) -> Permission | None:
    """Ask everything once more and commit `transmitting`, in one transaction under the person's lock.

    None when the message must not go: the delivery is then suppressed, waits, or is not ours any more.
    """
    with transaction.atomic():
        consent.hold_only([delivery.customer_id])
        facts = rules.facts(delivery, book, at=at)
        reason: str | None = next(filter(None, (rule(facts) for rule in rules.RULES)), None)
        reach = reachable(
            [delivery.customer_id], channel=delivery.channel, at=at, campaign=delivery.run.campaign
        )
        permission = reach.permissions.get(delivery.customer_id)
        if delivery.customer_id in reach.suppressed:
            reason = Reason.SUPPRESSED_ADDRESS
        elif delivery.customer_id in reach.no_address:
            reason = Reason.NO_ADDRESS
        elif permission is None:
            reason = Reason.NO_CONSENT
        elif reason is None and delivery.entry_id is not None and journeys.is_over(delivery.entry_id, at=at):
            reason = Reason.LEFT_JOURNEY
        if reason == Reason.NOT_RUNNING:
            # Paused or cancelled meanwhile: not this message's end, so it waits (or is cancelled with the rest).
            _put_back(delivery, Status.PLANNED, delivery.not_before)
            return None
        if reason is not None or permission is None:
            _end(delivery, Status.SUPPRESSED, at, reason=reason or Reason.NO_CONSENT)
            return None
        if facts.wait_until is not None:
            _put_back(delivery, Status.PLANNED, facts.wait_until)
            return None
        ours = _change(
            delivery,
            Status.CLAIMED,
            status=Status.TRANSMITTING,
            transmitting_at=at,
            lease_until=at + LEASE,
            basis=permission.basis,
            consent_record_id=permission.record_id,
            message_id=delivery.message_id or messages.new_message_id(delivery),
        )
        return permission if ours else None


def _change(delivery: Delivery, expected: str | Sequence[str], **changes: object) -> bool:
    """Update the row if it is still in the expected state and attempt. The row in memory follows."""
    states = [expected] if isinstance(expected, str) else list(expected)
    fields = {field.name: field for field in Delivery._meta.concrete_fields}  # noqa: SLF001 - documented by Django
    values = [fields[name].get_db_prep_save(value, connection) for name, value in changes.items()]
    # Written out, as the gate's question is, because it is done twice for each message.
    sets = ", ".join(f"{fields[name].column} = %s" for name in changes)
    among = ", ".join(["%s"] * len(states))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE campaigns_delivery SET {sets} WHERE id = %s AND attempt = %s AND status IN ({among})",  # noqa: S608
            [*values, delivery.pk, delivery.attempt, *states],
        )
        ours: bool = cursor.rowcount > 0
    if ours:
        for name, value in changes.items():
            setattr(delivery, name, value)
    else:
        log.warning("delivery changed hands", delivery=delivery.pk, attempt=delivery.attempt)
    return ours


def _end(delivery: Delivery, status: str, at: datetime, *, reason: str = "", detail: str = "") -> str:
    _change(
        delivery,
        (Status.CLAIMED, Status.TRANSMITTING),
        status=status,
        reason=reason,
        detail=detail[:300],
        ended_at=at,
        lease_until=None,
    )
    return status


def _put_back(delivery: Delivery, status: str, not_before: datetime) -> str:
    """It waits, through no fault of its own: the claim is not one of its tries.

    Only who holds the attempt gives it back, so no sleeper can wake up under a number that is in use again.
    """
    _change(
        delivery,
        (Status.CLAIMED, Status.TRANSMITTING),
        status=status,
        attempt=delivery.attempt - 1,
        not_before=not_before,
        lease_until=None,
    )
    return status


def _again(delivery: Delivery, finished: Finished, error: TryLater, at_hand: AtHand) -> str:
    """Slow down: a minute, then four times as long each time; after five attempts give up."""
    at = at_hand.clock()
    paused = None
    if error.slows:
        domain = EVERYWHERE if error.slows == Slows.EVERYBODY else domain_of(finished.address)
        paused = at_hand.paces.slow(domain, str(error), at=at, pauses=error.pauses)
    if error.is_throttle:
        return _put_back(delivery, Status.RETRY, paused or at + timedelta(minutes=1))
    if delivery.attempt >= MOST_ATTEMPTS:
        return _end(delivery, Status.FAILED, at, reason=Reason.TOO_MANY_TRIES, detail=str(error))
    wait = timedelta(minutes=4 ** (delivery.attempt - 1))
    _change(
        delivery,
        (Status.CLAIMED, Status.TRANSMITTING),
        status=Status.RETRY,
        detail=str(error)[:300],
        not_before=max(at + wait, paused or at),
        lease_until=None,
    )
    return Status.RETRY


def _refused(delivery: Delivery, finished: Finished, error: Refused, at: datetime) -> str:
    if error.is_hard_bounce:
        reason, source = Suppression.Reason.HARD_BOUNCE, f"delivery {delivery.pk}"
        suppression.add(finished.address, channel=delivery.channel, reason=reason, source=source)
    return _end(delivery, Status.FAILED, at, reason=Reason.REFUSED, detail=str(error))
