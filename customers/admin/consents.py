"""The desk's pages of what people allow: the ledger, and who must not be written to."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.pages import ReadOnly, button, shown
from customers import encryption, suppression
from customers.admin import origins
from customers.admin.words import words_of
from customers.models import (
    ConsentRecord,
    ConsentState,
    PendingConsent,
    Suppression,
)
from customers.purposes import PURPOSES


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]
    address = forms.CharField(
        label=_("E-mail address"),
        max_length=320,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Only its keyed hash is kept. Nobody can take it off the list here."),
    )

    class Meta:
        model = Suppression
        fields: tuple[str, ...] = ()

    def clean_address(self) -> suppression.Place:
        place = suppression.place(self.cleaned_data["address"])
        if place is None:
            raise forms.ValidationError(gettext("This is not an e-mail address."))
        if suppression.of([place]).filter(channel="email").exists():
            raise forms.ValidationError(gettext("This address is on the list already."))
        return place


@admin.register(Suppression)
class SuppressionAdmin(ReadOnly):
    """Addresses may be added by hand; taking one off would raise what the person allows."""

    about = _(
        "Addresses that nothing is sent to, whatever they allowed: complaints, addresses that do not exist, and those you add. Add one with the plus above, or a whole file under Imports."
    )

    list_display = ("told_channel", "reason", "told_source", "fingerprint", "created_at")
    list_filter = ("reason",)
    search_fields = ("address_index",)
    search_help_text = _("By the exact address")
    fields = ("told_channel", "reason", "source", "fingerprint", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("customers.add_suppression"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (term := search_term.strip()):
            return queryset, False
        indexes = [index for kind in ("email", "phone") for index in encryption.blind_indexes(kind, term)]
        return queryset.filter(address_index__in=indexes), False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else SuppressionForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else ((None, {"fields": ("address",)}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("told_channel", "told_source", "fingerprint") if obj else ()

    @shown(_("channel"), order="channel")
    def told_channel(self, row: Suppression) -> str:
        return gettext("e-mail") if row.channel == "email" else row.channel

    @shown(_("source"), order="source")
    def told_source(self, row: Suppression) -> str:
        return origins.source(row.source)

    @shown(_("fingerprint"))
    def fingerprint(self, row: Suppression) -> str:
        return row.address_index[:12]

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        obj.channel, obj.reason = "email", Suppression.Reason.MANUAL
        place = form.cleaned_data["address"]
        obj.address_index, obj.index_key = place.index, place.key
        obj.source = f"staff:{request.user.get_username()}"[:100]
        super().save_model(request, obj, form, change)


class AnswersPage(ReadOnly):
    """Answers of people, also found by their purpose."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A purpose is asked for only where it is one: it has no index, and each of them has a part of all answers."""
        if (purpose := search_term.strip()) in PURPOSES:
            return queryset.filter(purpose=purpose), False
        found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
        return found


@admin.register(ConsentRecord)
class ConsentRecordAdmin(AnswersPage):
    about = _(
        "Every yes and no that a person ever gave, with its proof; nothing here can be altered. The first answer in the shop writes the first line."
    )
    list_display = (
        "id",
        "customer_id",
        "told_purpose",
        "granted",
        "told_method",
        "told_source",
        "told_actor",
        "at",
    )
    fields = (
        ("customer_id", "sequence"),
        ("purpose", "granted"),
        ("notice", "language"),
        "notice_sha256",
        ("method", "source", "actor"),
        "at",
        "written_down",
        "commitment",
        "previous_hash",
        "hash",
    )
    readonly_fields = ("written_down",)
    list_filter = ("granted",)
    linked = ("customer_id",)
    search_fields = ("=customer_id",)
    search_help_text = _("By the customer's number or the purpose")
    actions_list = ("verify",)

    @shown(_("purpose"), order="purpose")
    def told_purpose(self, record: ConsentRecord) -> str:
        return words_of(record.purpose)

    @shown(_("method"), order="method")
    def told_method(self, record: ConsentRecord) -> str:
        return origins.method(record.method)

    @shown(_("source"), order="source")
    def told_source(self, record: ConsentRecord) -> str:
        return origins.source(record.source)

    @shown(_("actor"), order="actor")
    def told_actor(self, record: ConsentRecord) -> str:
        return origins.actor(record.actor)

    @shown(_("the codes that are signed"))
    def written_down(self, record: ConsentRecord) -> str:
        return " · ".join((record.purpose, record.method, record.source, record.actor))

    @button(_("Verify the ledger"), path="verify", icon="verified_user", needs="view")
    def verify(self, request: HttpRequest) -> HttpResponse:
        """A job of its own: a big ledger takes longer than a page may."""
        return HttpResponseRedirect(reverse("admin:customers_checkpoint_verify"))


@admin.register(ConsentState)
class ConsentStateAdmin(AnswersPage):
    about = _(
        "What each person allows now. It fills as people answer in the shop's consent window, on their own page, or by the API."
    )
    list_display = ("customer", "told_purpose", "granted", "record_id", "at")
    list_select_related = ("customer",)
    list_filter = ("granted",)
    search_fields = ("=customer__external_id",)
    search_help_text = _("By the customer's own id or the purpose, exactly")

    @shown(_("purpose"), order="purpose")
    def told_purpose(self, state: ConsentState) -> str:
        return words_of(state.purpose)


@admin.register(PendingConsent)
class PendingConsentAdmin(ReadOnly):
    about = _("Whoever was asked by mail to confirm what they allow stands here until they answer.")
    list_display = ("customer", "told_purpose", "created_at", "asked_at", "confirmed_at", "expires_at")
    list_select_related = ("customer",)
    fields = (
        ("customer", "purpose"),
        ("notice", "language"),
        "source",
        ("created_at", "asked_at"),
        ("confirmed_at", "expires_at"),
    )

    @shown(_("source"))
    def told_source(self, pending: PendingConsent) -> str:
        return origins.source(pending.source)

    @shown(_("purpose"), order="purpose")
    def told_purpose(self, pending: PendingConsent) -> str:
        return words_of(pending.purpose)
