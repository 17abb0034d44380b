"""What this app knows of one person, as sources of their timeline."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.admin import origins
from customers.admin.timeline import Source, Told
from customers.admin.words import words_of
from customers.models import ConsentRecord, Event, PrivacyRequest

KINDS: dict[str, str | Promise] = {
    "orders": _("Orders"),
    "refunds": _("Refunds"),
    "shop": _("In the shop"),
    "clicks": _("Opens and clicks"),
    "consent": _("What they allow"),
    "requests": _("Requests"),
}
OF_TYPE = {
    Event.Type.ORDERED: "orders",
    Event.Type.REFUNDED: "refunds",
    Event.Type.OPENED: "clicks",
    Event.Type.CLICKED: "clicks",
}


def _events(kind: str) -> Source:
    """One source a type: the index of a person's events goes by person, type and moment."""

    def rows(person: int) -> QuerySet[Event]:
        return Event.objects.filter(customer_id=person, type=kind).select_related("product")

    return Source(f"event-{kind}", OF_TYPE.get(Event.Type(kind), "shop"), rows, "occurred_at", _event)


def _event(event: Event) -> Told:
    more = [] if event.value is None else [f"{event.value:,.2f} {event.currency}".strip()]
    if event.order_id:
        more.append(gettext("order %s") % event.order_id)
    if event.type == Event.Type.SEARCHED and (words := event.context.get("query")):
        more.append(f"“{str(words)[:80]}”")
    more.append(gettext("kept by: %s") % event.get_basis_display())
    return Told(
        event.get_type_display(),
        event.product or "",
        " · ".join(more),
        reverse("admin:customers_event_change", args=[event.pk]),
    )


def _records(person: int) -> QuerySet[ConsentRecord]:
    return ConsentRecord.objects.filter(customer_id=person)


def _record(record: ConsentRecord) -> Told:
    said = gettext("said yes") if record.granted else gettext("said no")
    more = [gettext("by: %s") % origins.method(record.method), gettext("ledger record %s") % record.pk]
    if record.notice:
        more.insert(0, gettext("to the words %s") % record.notice)
    link = reverse("admin:customers_consentrecord_change", args=[record.pk])
    return Told(said, words_of(record.purpose), " · ".join(more), link)


def _requests(person: int) -> QuerySet[PrivacyRequest]:
    return PrivacyRequest.objects.filter(customer_id=person).defer("sealed")


def _request(row: PrivacyRequest) -> Told:
    link = reverse("admin:customers_privacyrequest_change", args=[row.pk])
    return Told(gettext("asked for: %s") % row.get_type_display(), "", row.get_state_display(), link)


def sources() -> list[Source]:
    return [
        *(_events(kind) for kind in Event.Type.values),
        Source("consent", "consent", _records, "at", _record),
        Source("request", "requests", _requests, "asked_at", _request),
    ]


def how_many(person: Any) -> str:
    """How many events are kept of the person, counted no further than a page can say."""
    most = 10_000
    n = Event.objects.filter(customer=person).order_by()[: most + 1].count()
    return gettext("more than %s") % f"{most:,}" if n > most else f"{n:,}"
