"""The desk's pages of who people are and what they did.

The customer's own page is registered by the highest app, which also shows what is above this one.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, Section, button, shown, told_time
from customers import consent, encryption, purposes
from customers.models import (
    ConsentState,
    Customer,
    Event,
    Identity,
    PersonKey,
)

NEWEST = 20


class PresenceFilter(admin.SimpleListFilter):
    """Who is still here."""

    title = _("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("known", _("known")), ("anonymous", _("anonymous")), ("gone", _("erased or merged"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        here = Q(erased_at__isnull=True, merged_into__isnull=True)
        match self.value():
            case "known":
                return queryset.filter(here, external_id__isnull=False)
            case "anonymous":
                return queryset.filter(here, external_id__isnull=True)
            case "gone":
                return queryset.exclude(here)
        return queryset


class CustomerPage(ReadOnly):
    """One person. What identifies them is opened here and on no list."""

    about = _(
        "People appear here when the shop tells of them: by the API, or by an import (manage.py import_data)."
    )
    list_display = ("who", "country", "locale", "allows_email", "allows_personalization", "created_at")
    list_filter = (PresenceFilter,)
    search_fields = ("external_id",)
    search_help_text = _("By the shop's own id, or by the exact e-mail address or phone number")
    actions_detail = ("stop_everything",)
    fieldsets = (
        (None, {"fields": (("external_id", "name"), ("email", "phone"))}),
        (
            _("Where and how"),
            {"fields": (("country", "jurisdiction"), ("locale", "time_zone"), "attributes")},
        ),
        (_("Record"), {"fields": (("created_at", "updated_at"), ("merged_into", "erased_at"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        rows: QuerySet[Customer] = super().get_queryset(request)
        return rows.select_related("key", "merged_into")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the beginning of the shop's id, or by an exact address through its blind index."""
        if not (term := search_term.strip()):
            return queryset, False
        by = Q(external_id__startswith=term)
        for kind in ("email", "phone"):
            if indexes := encryption.blind_indexes(kind, term):
                by |= Q(**{f"{kind}_index__in": indexes})
        return queryset.filter(by), False

    def prepare(self, rows: Sequence[Any]) -> None:
        ids = [customer.pk for customer in rows]
        for purpose in ("marketing_email", "personalization"):
            verdicts = consent.verdicts(ids, purpose)
            for customer in rows:
                verdict = verdicts.get(customer.pk)
                setattr(customer, f"allows_{purpose}", verdict is not None and verdict.allowed)

    @shown(_("customer"), order="external_id")
    def who(self, customer: Customer) -> str:
        return str(customer)

    @shown(_("e-mail"), boolean=True)
    def allows_email(self, customer: Any) -> bool:
        return bool(customer.allows_marketing_email)

    @shown(_("personalization"), boolean=True)
    def allows_personalization(self, customer: Any) -> bool:
        return bool(customer.allows_personalization)

    def _opened(self, customer: Customer, field: str) -> str:
        try:
            return encryption.unseal(customer).get(field, "")
        except encryption.Unreadable:
            return gettext("cannot be read: its key does not fit")

    @shown(_("e-mail"))
    def email(self, customer: Customer) -> str:
        return self._opened(customer, "email")

    @shown(_("phone"))
    def phone(self, customer: Customer) -> str:
        return self._opened(customer, "phone")

    @shown(_("full name"))
    def name(self, customer: Customer) -> str:
        return self._opened(customer, "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("email", "phone", "name")

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [_answers(row), _events(row)]

    @button(_("Stop everything"), path="stop", icon="front_hand")
    def stop_everything(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Withdraw every permission on the person's wish. Consent is only ever lowered here."""
        customer = self.get_object(request, object_id)
        back = reverse("admin:customers_customer_changelist")
        if customer is None or customer.erased_at is not None:
            messages.error(request, gettext("There is nobody here any more."))
            return HttpResponseRedirect(back)
        if request.method == "POST":
            actor = f"staff:{request.user.get_username()}"
            consent.withdraw_all(customer.pk, method="staff", source="desk", actor=actor, at=timezone.now())
            self.log_change(request, customer, "Withdrew every permission.")
            messages.success(request, gettext("Every permission is withdrawn, as of now."))
            return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer.pk]))
        return self.own_page(
            request,
            "admin/desk/confirm.html",
            title=gettext("Stop everything for %s?") % customer,
            row=customer,
            sentences=[
                gettext(
                    "Nothing more is sent to this person, and nothing they did is used to choose for them."
                ),
                gettext("Only the person can allow it again; nobody can do so here."),
            ],
            confirm=gettext("Stop everything"),
            is_grave=True,
        )


def _answers(customer: Customer) -> Section:
    """Each purpose with the gate's present answer and the record it rests on. Two queries a purpose, six purposes."""
    states = {state.purpose: state for state in ConsentState.objects.filter(customer=customer)}
    rows = []
    for purpose in purposes.PURPOSES.values():
        verdict = consent.verdicts([customer.pk], purpose.slug).get(customer.pk)
        state = states.get(purpose.slug)
        allowed = verdict is not None and verdict.allowed
        rows.append(
            (
                f"{purpose.title} ({purpose.slug})",
                gettext("yes") if allowed else gettext("no"),
                _rests_on(verdict, state),
                told_time(state.at if state else None),
            )
        )
    records = reverse("admin:customers_consentrecord_changelist")
    return Section(
        _("What this person allows"),
        (_("purpose"), _("now"), _("because"), _("since")),
        rows,
        more=f"{records}?customer_id={customer.pk}",
    )


def _rests_on(verdict: consent.Verdict | None, state: ConsentState | None) -> str:
    if verdict is None:
        return gettext("the person is gone")
    if state is not None:
        said = gettext("said yes") if state.granted else gettext("said no")
        return gettext("%(said)s, ledger record %(record)s") % {"said": said, "record": state.record_id}
    if verdict.allowed:
        return gettext("default of the jurisdiction")
    return gettext("never asked")


def _events(customer: Customer) -> Section:
    newest = (
        Event.objects.filter(customer=customer).select_related("product").order_by("-occurred_at")[:NEWEST]
    )
    rows = [
        (
            told_time(event.occurred_at),
            event.get_type_display(),
            event.product or "–",
            "–" if event.value is None else f"{event.value:,.2f} {event.currency}",
            event.get_basis_display(),
        )
        for event in newest
    ]
    events = reverse("admin:customers_event_changelist")
    return Section(
        _("Newest events"),
        (_("happened"), _("type"), _("product"), _("value"), _("legal basis")),
        rows,
        empty=_("Nothing is kept of what this person did."),
        more=f"{events}?customer__id__exact={customer.pk}" if rows else "",
    )


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("type", "customer", "product", "value", "currency", "occurred_at", "basis", "source")
    list_select_related = ("customer", "product")
    list_filter = ("type", "basis")
    linked = ("customer__id__exact",)
    search_fields = ("=order_id", "=message_id", "=customer__external_id")
    search_help_text = _("By order, message id or the customer's own id, exactly")


@admin.register(Identity)
class IdentityAdmin(ReadOnly):
    list_display = ("value", "kind", "customer", "created_at")
    list_select_related = ("customer",)
    list_filter = ("kind",)
    search_fields = ("=value",)
    search_help_text = _("By the exact value")


@admin.register(PersonKey)
class PersonKeyAdmin(ReadOnly):
    list_display = ("id", "master_key_id")
    fields = ("id", "master_key_id")
