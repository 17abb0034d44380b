"""The desk's pages of who people are and what they did.

The customer's own page is registered by the highest app, which also shows what is above this one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, Section, button, shown
from customers import consent, encryption
from customers.admin import person_answers, person_lines, timeline
from customers.admin.person_rights import Rights
from customers.admin.timeline import Source, Wish
from customers.models import (
    ConsentRecord,
    Customer,
    Event,
    Identity,
    PersonKey,
)
from customers.proof import receipts
from customers.proof.reading import DoesNotExtend
from customers.proof.signing import NotGenuine

NEWEST = 20
KNOWN, EVERYBODY = "known", "everybody"
MOST_SOURCES = 15


class PresenceFilter(admin.SimpleListFilter):
    """Who is still here. The list opens with people whom the shop knows; a search asks for everybody."""

    title = _("who")
    parameter_name = "who"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.first = EVERYBODY if request.GET.get(SEARCH_VAR, "").strip() else KNOWN
        super().__init__(request, *args)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (KNOWN, _("known")),
            ("anonymous", _("anonymous")),
            ("gone", _("erased or merged")),
            (EVERYBODY, _("everybody")),
        ]

    def value(self) -> str:
        return str(super().value() or self.first)

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Without Django's own “All”: everybody is one of them."""
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "known":
                return queryset.known()  # type: ignore[attr-defined,no-any-return]
            case "anonymous":
                return queryset.anonymous()  # type: ignore[attr-defined,no-any-return]
            case "gone":
                return queryset.exclude(erased_at__isnull=True, merged_into__isnull=True)
        return queryset


class CustomerPage(Rights):
    """One person. What identifies them is opened here and on no list."""

    about = _(
        "People appear here when the shop tells of them: by the API, or by an import (manage.py import_data)."
    )
    list_display = ("who", "country", "locale", "allows_email", "allows_personalization", "created_at")
    list_filter = (PresenceFilter,)
    search_fields = ("external_id",)
    search_help_text = _("By the shop's own id, or by the exact e-mail address or phone number")
    actions_detail: tuple[str, ...] = ("stop_everything", "receipt", *Rights.actions_detail)
    change_form_outer_before_template = "admin/desk/customer_state.html"
    fieldsets = (
        (None, {"fields": (("external_id", "name"), ("email", "phone"))}),
        (
            _("Where and how"),
            {"fields": (("country", "jurisdiction"), ("locale", "time_zone"), "told_attributes")},
        ),
        (_("Record"), {"fields": (("created_at", "updated_at"), ("merged_into", "erased_at"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        rows: QuerySet[Customer] = super().get_queryset(request)
        return rows.select_related("key", "merged_into")

    def list_links(self, request: HttpRequest) -> list[tuple[str | Promise, str]]:
        """The filter that the list opens with, and the way out of it."""
        asked = request.GET.copy()
        if asked.get(PresenceFilter.parameter_name) or asked.get(SEARCH_VAR, "").strip():
            return []
        asked[PresenceFilter.parameter_name] = EVERYBODY
        asked.pop(PAGE_VAR, None)
        return [(_("Only people whom the shop knows. Show everybody"), f"?{asked.urlencode()}")]

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

    @shown(_("attributes"))
    def told_attributes(self, customer: Customer) -> str:
        told = sorted(customer.attributes.items())
        return format_html_join(mark_safe("<br>"), "{}: {}", told) if told else "–"

    @shown(_("allows e-mail"), boolean=True)
    def allows_email(self, customer: Any) -> bool:
        return bool(customer.allows_marketing_email)

    @shown(_("allows personalization"), boolean=True)
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
        return ("email", "phone", "name", "told_attributes")

    def is_useful(self, name: str, row: Customer) -> bool:
        # A receipt stands beside its answer, and what a person may demand on the page itself.
        is_here = row.erased_at is None and row.merged_into_id is None
        return is_here and name not in ("receipt", *Rights.actions_detail)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [person_answers.section(row)]

    def sources(self) -> list[Source]:
        """What the person's timeline is made of."""
        return person_lines.sources()

    def kinds(self) -> dict[str, str | Promise]:
        return dict(person_lines.KINDS)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> TemplateResponse:
        if (row := context.get("original")) is not None:
            kinds = self.kinds()
            wish = Wish.of(request.GET, list(kinds))
            context["timeline"] = timeline.read(row.pk, self.sources(), wish, kinds=kinds)
            context["kinds"] = kinds
            context["narrowed"] = _narrowed(request)
            context["state"] = person_answers.state(row)
            context["rights"] = self.rights_of(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    @button(_("Receipt"), path="receipt", icon="receipt_long", needs="view")
    def receipt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The receipt of one answer, as a file that anyone can check without us."""
        number = request.GET.get("record", "")
        customer = self.get_object(request, object_id)
        if customer is None:
            return HttpResponseRedirect(reverse("admin:customers_customer_changelist"))
        rows = ConsentRecord.objects.filter(customer_id=customer.pk)
        record = rows.filter(pk=number).first() if number.isascii() and number.isdigit() else None
        if record is None:
            messages.error(request, gettext("This person has no such answer."))
            return HttpResponseRedirect(reverse("admin:customers_customer_change", args=[customer.pk]))
        try:
            answer = HttpResponse(receipts.issue(record), content_type="application/json")
        except (NotGenuine, DoesNotExtend):
            messages.error(
                request, gettext("This answer does not verify any more, so there is no receipt of it.")
            )
            return HttpResponseRedirect(reverse("admin:customers_checkpoint_verify"))
        answer["Content-Disposition"] = f'attachment; filename="receipt-{record.pk}.json"'
        return answer

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


def _narrowed(request: HttpRequest) -> str:
    """What the reader chose to see, for the link to what is older."""
    given = request.GET.copy()
    given.pop("after", None)
    return given.urlencode()


@admin.register(Event)
class EventAdmin(ReadOnly):
    about = _(
        "What people looked at, put in the basket and ordered. It comes from the shop: by the script on its pages, by the API, or by an import."
    )
    list_display = ("type", "customer", "product", "value", "currency", "occurred_at", "basis", "source")
    list_select_related = ("customer", "product")
    list_filter = ("type", "basis")
    linked = ("customer__id__exact",)
    search_fields = ("=order_id", "=message_id", "=customer__external_id")
    search_help_text = _("By order, message id or the customer's own id, exactly")

    def is_exactly(self, name: str, term: str) -> Q:
        """A message's id stands in an index behind its source: of these there are few, so each is asked."""
        found = super().is_exactly(name, term)
        if name != "message_id" or len(sources := _sources()) == MOST_SOURCES:
            return found
        return found & Q(source__in=sources)


def _sources() -> list[str]:
    """Where events came from, by steps through the index. A query each, and one."""
    found: list[str] = []
    rows = Event.objects.order_by("source").values_list("source", flat=True)
    while len(found) < MOST_SOURCES:
        step = rows.filter(source__gt=found[-1]) if found else rows
        if (then := step.first()) is None:
            break
        found.append(then)
    return found


@admin.register(Identity)
class IdentityAdmin(ReadOnly):
    about = _(
        "The names by which one person is found again: the shop's id, a browser's. They come with people and events."
    )
    list_display = ("value", "kind", "customer", "created_at")
    list_select_related = ("customer",)
    list_filter = ("kind",)
    search_fields = ("=value",)
    search_help_text = _("By the exact value")


@admin.register(PersonKey)
class PersonKeyAdmin(ReadOnly):
    about = _(
        "Each person's fields are sealed with a key of their own; erasing somebody destroys it. They are made with people."
    )
    list_display = ("id", "master_key_id")
    fields = ("id", "master_key_id")
