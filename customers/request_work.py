"""Doing what was demanded and proven, in steps that are each done once.

A step and the line that proves it commit together, under the person's lock; whoever resumes after a crash skips what
stands there. One bad request never stops the others: it stays, and its clock goes on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from django.apps import apps
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from customers import (
    consent,
    encryption,
    export_files,
    exports,
    identities,
    privacy,
    purposes,
    request_traces,
    requests,
    restriction,
)
from customers.models import Customer, PrivacyRequest
from customers.requests import NotPossible, State, Type

log = structlog.get_logger()
PAGE = 100
# GDPR 21(2): direct marketing, and the profiling for it.
OBJECTED = (*purposes.MARKETING, "personalization", "partner_sharing")
AT_ONCE = (Type.OBJECTION, Type.RESTRICTION)
FAREWELL = "rights farewell"
# The address of an erased person, for the one mail that says so.
FAREWELL_KEPT_FOR = timedelta(days=3)


def work_due(*, at: datetime, limit: int = PAGE) -> int:
    """Work on what is proven, the most urgent first, until `limit` ended; how many did. Corrections wait for a person's yes."""
    due = PrivacyRequest.objects.filter(state__in=(State.OPEN, State.WORKING)).exclude(
        type=Type.RECTIFICATION
    )
    done = 0
    for pk in list(due.order_by("due_at").values_list("pk", flat=True)):
        if done >= limit:
            break
        try:
            done += work(pk, at=at)
        except (DatabaseError, OSError, encryption.Unreadable) as error:
            log.error("a privacy request was not done", request=str(pk), reason=type(error).__name__)
    _lift_told(at=at)
    return done


def work(pk: Any, *, at: datetime) -> bool:
    """Do every step that is not done yet. True if the request ended by this."""
    with transaction.atomic():
        row = requests.held(pk)
        if row.state not in (State.OPEN, State.WORKING) or row.type == Type.RECTIFICATION:
            return False
        if row.customer is None and not _is_erased(row):
            requests.lapse_old(at=at)
            return False
        _follow(row, at=at)
        row.state = State.WORKING
        row.save(update_fields=["state", "customer", "customer_number", "steps"])
    for take in STEPS[row.type]:
        take(pk, at)
    with transaction.atomic():
        row = requests.held(pk)
        if row.state != State.WORKING:
            return False
        requests.end_done(row, at=at)
        return True


def _follow(row: PrivacyRequest, *, at: datetime) -> None:
    """Whoever turned out to be somebody else since asking: the demand is of the person they are now."""
    person = row.customer
    while person is not None and person.merged_into_id is not None:
        person = Customer.objects.get(pk=person.merged_into_id)
    if person is not None and person.pk != row.customer_number:
        row.customer, row.customer_number = person, person.pk
        requests.note(row, "identity", "merged into another meanwhile", at=at)


def work_at_once(row: PrivacyRequest, *, at: datetime) -> None:
    """A no and a stop hold from the moment they are proven, and do not wait for the scheduler."""
    if row.type in AT_ONCE and row.state in (State.OPEN, State.WORKING):
        work(row.pk, at=at)


def correct(pk: Any, *, by: str, at: datetime) -> PrivacyRequest:
    """The privacy officer's yes: the person's new words become what is held. Raises NotPossible."""
    with transaction.atomic():
        row = requests.held(pk)
        if row.type != Type.RECTIFICATION or row.state != State.OPEN or row.customer is None:
            raise NotPossible(_("This correction is not proven, or has ended."))
        words = requests.details_of(row, row.customer)
        new: dict[str, Any] = {name: value for name, value in words.items() if name in requests.CORRECTABLE}
        if new:
            known_as = row.customer.external_id
            if known_as is None:
                raise NotPossible(_("A visitor without a customer number has no fields to correct."))
            identities.save_profiles([identities.Profile(id=known_as, **new)])
        for name in sorted(new):
            requests.note(row, "customers.Customer", f"{name} corrected", rows=1, at=at, by=by)
        if "note" in words:
            requests.note(row, "request", "the person's note was dealt with", at=at, by=by)
        requests.end_done(row, at=at)
        return row


def lift(person: Customer, *, by: str, at: datetime) -> bool:
    """End a restriction; whether there was one. By the person's own wish at once, else after they were told."""
    with transaction.atomic():
        held = restriction.lift(consent.hold([person.pk]).values(), at=at)
        rows = PrivacyRequest.objects.select_for_update().filter(customer=person, type=Type.RESTRICTION)
        row = rows.filter(state=State.DONE).order_by("-ended_at").first()
        if held and row is not None:
            requests.note(row, "restriction", "lifted", rows=1, at=at, by=by)
            row.save(update_fields=["steps"])
        return bool(held)


def _lift_told(*, at: datetime) -> None:
    """Lift what the officer wants lifted, once the person was told of it, or cannot be."""
    rows = PrivacyRequest.objects.filter(
        type=Type.RESTRICTION, state=State.DONE, customer__restricted_at__isnull=False
    ).select_related("customer")
    for row in rows.iterator(chunk_size=500):
        asked = requests.last_step(row, "restriction", "to be lifted")
        told = requests.last_step(row, "mail", "lifting") or requests.last_step(
            row, "mail", "lifting: failed"
        )
        if asked is not None and row.customer is not None and (told or not row.customer.email_index):
            lift(row.customer, by=asked["by"], at=at)


def blank_old_farewells(*, at: datetime) -> int:
    """Forget the addresses of mails that could not leave for three days; how many."""
    old = PrivacyRequest.objects.filter(
        type=Type.ERASURE, state=State.DONE, ended_at__lte=at - FAREWELL_KEPT_FOR
    )
    return old.exclude(sealed=b"").update(sealed=b"")


# --- the steps ---------------------------------------------------------------------------------------------


def _once(pk: Any, store: str, do: Callable[[PrivacyRequest], None]) -> None:
    """Do it and keep the proof in one commit, unless it stands there."""
    with transaction.atomic():
        row = requests.held(pk)
        if row.state != State.WORKING or requests.last_step(row, store) is not None:
            return
        do(row)
        row.save(update_fields=["steps", "sealed"])


def _copy(pk: Any, at: datetime) -> None:
    """The person's file. It is written before the commit that names it: a crash in between writes it anew."""
    row = PrivacyRequest.objects.select_related("customer__key").get(pk=pk)
    person = row.customer
    if requests.last_step(row, "exports") is not None or person is None or person.key is None:
        return
    with export_files.Sealing(row.pk, person.key) as file:
        counted = exports.write_zip(person, file, at=at)

    def publish(row: PrivacyRequest) -> None:
        if row.customer is None:
            return
        file.publish()
        for label, rows in counted.items():
            requests.note(row, label, "copied", rows=rows, at=at)
        requests.note(row, "exports", "sealed file", rows=counted.total(), at=at)

    _once(pk, "exports", publish)
    file.discard()  # nothing is left to discard where it was published


def _object(pk: Any, at: datetime) -> None:
    def refuse(row: PrivacyRequest) -> None:
        written = consent.object_to(
            [row.customer_number], OBJECTED, method="objection", source=row.source, actor="customer", at=at
        )
        requests.note(row, "customers.ConsentRecord", "refused", rows=len(written), at=at)

    _once(pk, "customers.ConsentRecord", refuse)


def _drop_inferred(pk: Any, at: datetime) -> None:
    """What was worked out of the person goes with the leave to do so: every model that says `is_inferred`."""
    for model in apps.get_models():
        if getattr(model, "is_inferred", False):
            label = model._meta.label  # noqa: SLF001 - Django's documented way

            def delete(row: PrivacyRequest, model: Any = model, label: str = label) -> None:
                found = privacy.rows(model, privacy.family(row.customer_number))
                requests.note(row, label, "deleted", rows=found.delete()[0], at=at)

            _once(pk, label, delete)


def _restrict(pk: Any, at: datetime) -> None:
    def hold(row: PrivacyRequest) -> None:
        people = consent.hold([row.customer_number]).values()
        done = restriction.restrict(people, at=at)
        requests.note(row, "customers.Customer", "restricted", rows=done, at=at)

    _once(pk, "customers.Customer", hold)


def _keep_address(pk: Any, at: datetime) -> None:
    """The mail that says it was done must leave after the address is gone: that is sealed apart until it has."""

    def keep(row: PrivacyRequest) -> None:
        if (person := row.customer) is None:
            return
        address = encryption.unseal(person).get("email", "")
        said = orjson.dumps({"address": address, "language": person.locale})
        row.sealed = encryption.opaque_token(FAREWELL, said).encode() if address else b""
        requests.note(row, "farewell", "address kept for one mail", rows=bool(address), at=at)

    _once(pk, "farewell", keep)


def _drop_copies(pk: Any, at: datetime) -> None:
    def drop(row: PrivacyRequest) -> None:
        people = privacy.family(row.customer_number)
        mine = PrivacyRequest.objects.filter(customer__in=people).values_list("pk", flat=True)
        requests.note(row, "exports", "deleted", rows=request_traces.drop_copies(mine), at=at)

    _once(pk, "exports", drop)


def _erase(pk: Any, at: datetime) -> None:
    def erase(row: PrivacyRequest) -> None:
        try:
            done = privacy.erase(row.customer_number, actor="customer", at=at)
        except privacy.NobodyToErase:
            requests.note(row, "customers.PersonKey", "was gone already", at=at)
            return
        request_traces.blank(row)  # the row in hand is written over what the erasure left of it
        for label, rows in sorted(done.deleted.items()):
            requests.note(row, label, "deleted", rows=rows, at=at)
        for label, rows in sorted(done.let_go.items()):
            requests.note(row, label, "kept without the person", rows=rows, at=at)
        requests.note(row, "customers.PersonKey", "destroyed", rows=done.people, at=at)

    _once(pk, "customers.PersonKey", erase)


def _is_erased(row: PrivacyRequest) -> bool:
    return row.type == Type.ERASURE and requests.last_step(row, "customers.PersonKey") is not None


Step = Callable[[Any, datetime], None]
STEPS: dict[str, tuple[Step, ...]] = {
    Type.ACCESS: (_copy,),
    Type.PORTABILITY: (_copy,),
    Type.OBJECTION: (_object, _drop_inferred),
    Type.RESTRICTION: (_restrict,),
    Type.ERASURE: (_keep_address, _drop_copies, _erase),
}
