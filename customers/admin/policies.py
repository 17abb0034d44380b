"""The desk's pages of whose law holds."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from catalog.pages import Page, ReadOnly, Section, shown
from customers import few, policies, purposes
from customers.admin import law_history
from customers.admin.words import words_of
from customers.countries import COUNTRIES
from customers.models import Customer, Jurisdiction, SoftOptIn
from customers.policies import Narrowed, Terms, Widened

# No count of people below this is shown (N1).


class JurisdictionForm(forms.ModelForm):  # type: ignore[type-arg]
    countries = forms.CharField(
        label=_("Countries"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_(
            "Two letters each (ISO 3166), with spaces between them: DE FR. A country stands in one only."
        ),
    )
    silent = forms.MultipleChoiceField(
        label=_("Silence means yes for"),
        required=False,
        choices=lambda: [(slug, words_of(slug)) for slug in purposes.PURPOSES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("Until the person objects. Everything else asks first."),
    )

    class Meta:
        model = Jurisdiction
        fields = ("code", "name", "answer_days", "soft_opt_in", "source")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = policies.terms_of(self.instance)
        self.initial["countries"] = " ".join(self.instance.countries)
        self.initial["silent"] = [slug for slug in purposes.PURPOSES if slug in self.before.silent]

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"]).upper()
        if not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", code):
            raise forms.ValidationError(gettext("Two letters, or those of a part of a country: EU, US-CA."))
        return code

    def clean_countries(self) -> str:
        named = re.findall(r"[^\s,;]+", self.cleaned_data["countries"].upper())
        if unknown := sorted(set(named) - COUNTRIES):
            raise forms.ValidationError(gettext("No country of ISO 3166: %s.") % " ".join(unknown))
        others = Jurisdiction.objects.exclude(pk=self.instance.pk)
        for name, countries in others.values_list("name", "countries"):
            if taken := sorted(set(named) & set(countries)):
                told = {"countries": " ".join(taken), "name": name}
                raise forms.ValidationError(gettext("%(countries)s: stands in “%(name)s” already.") % told)
        return " ".join(sorted(set(named)))

    def clean_answer_days(self) -> int:
        days = int(self.cleaned_data["answer_days"])
        if not 1 <= days <= 365:
            raise forms.ValidationError(gettext("Between a day and a year."))
        return days

    def clean_source(self) -> str:
        if not str(self.cleaned_data["source"]).strip():
            raise forms.ValidationError(gettext("Say which law says so."))
        return str(self.cleaned_data["source"])

    @property
    def after(self) -> Terms:
        said = self.cleaned_data
        return Terms(frozenset(said["countries"].split()), frozenset(said["silent"]), said["soft_opt_in"])


@admin.register(Jurisdiction)
class JurisdictionAdmin(Page):
    """What a privacy officer changes; whoever would make a yes of silence, or take one away, is asked once more."""

    about = _(
        "Whose law holds for whom: what people must be asked, and what is a no until then. Add a country's law with the plus above."
    )

    form = JurisdictionForm
    list_display = ("code", "name", "told_silence", "soft_opt_in", "answer_days", "updated_at")
    ordering = ("code",)
    fields = (("code", "name"), "countries", "silent", ("answer_days", "soft_opt_in"), "source")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Jurisdiction]:
        rows: QuerySet[Jurisdiction] = super().get_queryset(request).prefetch_related("silent")
        return rows

    @shown(_("without an answer"))
    def told_silence(self, row: Jurisdiction) -> str:
        silent = [words_of(one.purpose) for one in row.silent.all()]
        return gettext("yes to: %s") % "; ".join(silent) if silent else gettext("no to everything")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """People's rows name the code."""
        return ("code", "told_silence") if obj else ("told_silence",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look reads what silence means: the boxes to tick are no column."""
        may = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return tuple("told_silence" if name == "silent" and not may else name for name in self.fields)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The built-in ones would come back with the next update as they were built, and everyone needs the default's."""
        if obj is not None and obj.code in {*purposes.POLICIES, settings.DEFAULT_JURISDICTION}:
            return False
        return bool(super().has_delete_permission(request, obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleted one by one, if at all."""
        return {}

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method == "POST" and (page := self._asked_once_more(request, object_id)) is not None:
            return page
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _asked_once_more(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        """The page that says whose silence would become a yes, and whose would cease to be one; None where nobody's, or
        where that was confirmed."""
        row = self.get_object(request, object_id) if object_id else None
        if not (self.has_change_permission(request, row) if row else self.has_add_permission(request)):
            return None
        form = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        if not form.is_valid():
            return None
        code = row.code if row else form.cleaned_data["code"]
        found = policies.widened(code, form.before, form.after)
        lost = policies.narrowed(code, form.before, form.after)
        # Confirmed is for how many exactly, but the page tells that to nobody: a keyed sum of it is sent along.
        told = " ".join([*(f"{one.what}:{one.people}" for one in found), *(f"-{one.what}" for one in lost)])
        confirmed = salted_hmac("silence means yes", told).hexdigest()
        if not told or request.POST.get("confirmed") == confirmed:
            return None
        kept = [
            (name, value)
            for name, values in request.POST.lists()
            for value in values
            if name not in ("csrfmiddlewaretoken", "confirmed")
        ]
        return self.own_page(
            request,
            "admin/desk/policy_confirm.html",
            title=(
                gettext("Let silence mean yes in “%s”?")
                if found
                else gettext("Ask first in “%s” from now on?")
            )
            % form.cleaned_data["name"],
            row=row,
            found=[(_told(one), few.told_in_tens(one.people)) for one in found],
            lost=[(_told(one), few.told_in_tens(one.people)) for one in lost],
            kept=kept,
            confirmed=confirmed,
        )

    def save_model(self, request: HttpRequest, obj: Jurisdiction, form: Any, change: bool) -> None:
        by, now = request.user.get_username(), timezone.now()
        moved = policies.change(obj, form.before, form.after, by=by, at=now)
        if moved:
            told = ngettext("%(n)s person came under another law.", "%(n)s people came under another law.", 2)
            messages.info(request, told % {"n": few.told_in_tens(moved)})

    def delete_model(self, request: HttpRequest, obj: Jurisdiction) -> None:
        policies.remove(obj, by=request.user.get_username(), at=timezone.now())

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> str:
        """What stands in the log: each change with before and after."""
        if add:
            return f"Added {form.cleaned_data['code']}: {form.after}."
        told = []
        for name in form.changed_data:
            before, after = form.initial.get(name), form.cleaned_data.get(name)
            if before != after:
                told.append(f"{name}: {before!r} → {after!r}")
        return "; ".join(told) or "Saved without a change."

    def sections(self, request: HttpRequest, row: Jurisdiction) -> list[Section]:
        """What it says, in words, and what it said before. Three queries."""
        silent = set(row.silent.values_list("purpose", flat=True))
        people = Customer.objects.present().filter(jurisdiction=row.code).count()
        rows = [
            (
                words_of(slug),
                gettext("yes, until they object") if slug in silent else gettext("no, until they say yes"),
            )
            for slug in purposes.PURPOSES
        ]
        buyers = (
            gettext("yes, about similar products, where the order offered to refuse it")
            if row.soft_opt_in
            else gettext("no, until they say yes")
        )
        days = ngettext("%s day", "%s days", row.answer_days) % row.answer_days
        rows += [
            (gettext("E-mail to buyers who never answered"), buyers),
            (gettext("A request is answered within"), days),
            (gettext("People under it now"), few.short(people)),
        ]
        return [
            Section(_("What it says"), (_("for"), _("who never answered")), rows),
            law_history.section(row.code),
        ]


def _told(one: Widened | Narrowed) -> str:
    if one.what == purposes.SOFT_OPT_IN:
        return gettext("E-mail to buyers about similar products")
    return words_of(one.what)


@admin.register(SoftOptIn)
class SoftOptInAdmin(ReadOnly):
    about = _("Nobody was written down as a buyer who may be written to about similar products.")
    list_display = ("customer", "category", "order_id", "notice", "at")
    list_select_related = ("customer", "category")
