"""What the messages of the Segment-compatible door say is kept: all of a request in one transaction, each event once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
import structlog
from django.db import IntegrityError, OperationalError, transaction
from django.http import HttpRequest

from catalog.imports import learn_products
from customers import access, banner, events, gpc, identities, segment
from customers.events import Refusal
from customers.values import text

log = structlog.get_logger()
MESSAGE_BYTES = 32 * 1024
ATTEMPTS = 3


@dataclass
class Taken:
    """What became of a request's messages. `accepted` and `duplicates` count events; a message may hold several."""

    accepted: int = 0
    duplicates: int = 0
    profiles: int = 0
    refused: list[Refusal] = field(default_factory=list)
    gpc: bool = False


def take(messages: Iterable[Any], request: HttpRequest, caller: access.Access, *, at: datetime) -> Taken:
    """Keep what the messages say, all of it in one transaction, each event once; say of each other why not."""
    reads: list[segment.Read] = []
    refused: list[Refusal] = []
    for message in messages:
        try:
            reads += _understood(message, caller, refused, at)
        except segment.NotUnderstood as reason:
            refused.append(Refusal(_name(message), str(reason)))
    return _again(lambda: _kept(reads, list(refused), request, caller, at))


def _understood(
    message: Any, caller: access.Access, refused: list[Refusal], at: datetime
) -> list[segment.Read]:
    if isinstance(message, dict):
        try:
            size = len(orjson.dumps(message))
        except orjson.JSONEncodeError as error:  # it reads deeper than it writes
            raise segment.NotUnderstood("too_deep") from error
        if size > MESSAGE_BYTES:
            raise segment.NotUnderstood("too_large")
        if not segment.id_of(message):
            message = {**message, "messageId": str(uuid4())}  # nothing to know it by again
    said = segment.read(message, received_at=at)
    if said.unused:
        refused.append(Refusal(said.message_id, said.unused))
    if said.customer and not caller.speaks_for(said.customer):
        # A browser's key proves nobody: what was done is the visitor's, and says nothing of the customer it names.
        if not said.visitor or said.alias or said.profile:
            raise segment.NotUnderstood("customer_not_proven")
        done = [replace(event, customer=None) for event in said.events]
        return [replace(said, customer="", events=done)]
    if said.profile is not None and "customers:write" not in caller.scopes:
        refused.append(Refusal(said.message_id, "no_scope:customers:write"))
        return [replace(said, profile=None)]
    if said.alias and not caller.is_secret:
        raise segment.NotUnderstood("alias_needs_a_secret_key")
    return [said]


def _kept(
    reads: list[segment.Read],
    refused: list[Refusal],
    request: HttpRequest,
    caller: access.Access,
    at: datetime,
) -> Taken:
    with transaction.atomic():
        signalled = _signalled(reads, request, caller, at)
        for said in reads:
            if said.alias:
                identities.alias(said.alias, said.customer, at=at)
        identities.join(
            {(said.visitor, said.customer) for said in reads if said.visitor and said.customer}, at=at
        )
        profiles = [said.profile for said in reads if said.profile is not None]
        if profiles:
            identities.save_profiles(profiles)
        done = [event for said in reads for event in said.events]
        learnt = [product for said in reads for product in said.products]
        if learnt:
            learn_products(learnt, at=at, listed=caller.is_secret)
        taken = events.take_in(done, source=f"segment:{caller.kind}", at=at) if done else events.Taken()
    return Taken(taken.accepted, taken.duplicates, len(profiles), [*refused, *taken.refused], gpc=signalled)


def _signalled(reads: list[segment.Read], request: HttpRequest, caller: access.Access, at: datetime) -> bool:
    """Before any event: the browser's Sec-GPC (C13), then what the messages say their people allow."""
    answering = [said for said in reads if said.answers.purposes]
    if not gpc.is_on(request) and not answering:
        return False
    known = identities.find_or_create({said.customer for said in reads if said.customer})
    visitors = identities.find_or_create(
        {said.visitor for said in reads if said.visitor and not said.customer}, "anonymous"
    )
    honoured = gpc.honour(request, {*known.values(), *visitors.values()}, source="segment", at=at)
    if answering:
        people = [
            (known[said.customer] if said.customer else visitors[said.visitor], said.at, said.answers)
            for said in answering
        ]
        banner.record(people, may_raise="consents:write" in caller.scopes, gpc_on=honoured, at=at)
    return honoured


def _again(deed: Callable[[], Taken]) -> Taken:
    """Done anew where two requests met: both made one name, or waited for each other's rows."""
    for _attempt in range(ATTEMPTS - 1):
        try:
            return deed()
        except (IntegrityError, OperationalError) as error:
            if transaction.get_connection().in_atomic_block:
                raise
            log.warning("a request is taken anew", reason=type(error).__name__)
    return deed()


def _name(message: Any) -> str:
    return text(message.get("messageId"), 100) if isinstance(message, dict) else ""
