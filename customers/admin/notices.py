"""The desk's pages of the words people are asked with: both languages side by side, each version written once."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog.pages import ReadOnly, Section, button, shown
from customers import few, purposes
from customers.admin.words import words_of
from customers.models import ConsentRecord, ConsentState, Notice, PendingConsent, SoftOptIn

ENGLISH, CHINESE = "en", "zh-hans"
FIELDS = {"english": ENGLISH, "chinese": CHINESE}
ASKED_ABOUT = (*purposes.PURPOSES, purposes.SOFT_OPT_IN)


class NoticeForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new version, or the language that an unfinished one still lacks (`completes` is that version's row)."""

    slug = forms.SlugField(
        label=_("Notice"), max_length=60, widget=UnfoldAdminTextInputWidget(),
        help_text=_("The name of the text; with the version it stands in the ledger, as in checkout@2."),
    )  # fmt: skip
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=lambda: [(slug, words_of(slug)) for slug in ASKED_ABOUT],
        widget=UnfoldAdminSelectWidget(),
    )
    english = forms.CharField(
        label=_("Words in English"), required=False, widget=UnfoldAdminTextareaWidget(attrs={"lang": ENGLISH})
    )
    chinese = forms.CharField(
        label=_("Words in Chinese"), required=False, widget=UnfoldAdminTextareaWidget(attrs={"lang": CHINESE})
    )
    completes = forms.IntegerField(required=False, widget=forms.HiddenInput())

    class Meta:
        model = Notice
        fields = ("slug", "purpose")

    @property
    def texts(self) -> dict[str, str]:
        """By language. Browsers send CR LF; the hash is of what is shown."""
        said = {code: self.cleaned_data.get(name, "") for name, code in FIELDS.items()}
        return {code: text.replace("\r\n", "\n") for code, text in said.items() if text}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        slug, purpose = cleaned.get("slug"), cleaned.get("purpose")
        if not self.texts:
            self.add_error("english", gettext("Write the text in one language at least."))
        others = Notice.objects.filter(slug=slug).exclude(purpose=purpose).values_list("purpose", flat=True)
        taken = slug if slug in ASKED_ABOUT and slug != purpose else others.first()
        if taken:
            self.add_error("slug", gettext("A notice of this name is about “%s”.") % words_of(str(taken)))
        if cleaned.get("completes"):
            self._check_completion(Notice.objects.filter(pk=cleaned["completes"]).first())
        return cleaned

    def _check_completion(self, row: Notice | None) -> None:
        """What was written is not touched: people may have said yes to it."""
        if row is None or (row.slug, row.purpose) != (
            self.cleaned_data.get("slug"),
            self.cleaned_data.get("purpose"),
        ):
            self.add_error("slug", gettext("This is another version; begin again from its page."))
            return
        for other in Notice.objects.filter(slug=row.slug, version=row.version):
            if self.texts.get(other.language) != other.text:
                name = next(name for name, code in FIELDS.items() if code == other.language)
                self.add_error(
                    name, gettext("These words were written before, and a version is never edited.")
                )


@admin.register(Notice)
class NoticeAdmin(ReadOnly):
    """A version is written once and then never edited: what people agreed to stays what they read (C7)."""

    about = _(
        "The first texts are built in. Add one here to ask in new words; who said yes keeps the words they read."
    )
    list_display = ("told_name", "told_purpose", "english", "chinese", "state", "created_at")
    list_filter = ("purpose",)
    search_fields = ("slug", "purpose")
    actions_list = ("in_force",)
    actions_detail = ("new_version", "complete")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("customers.add_notice"))

    def has_write_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.has_add_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        """One row a version: the language that was written first stands for both."""
        rows: QuerySet[Notice] = super().get_queryset(request)
        if request.resolver_match and (request.resolver_match.url_name or "").endswith("_changelist"):
            first = Notice.objects.values("slug", "version").annotate(first=Min("pk")).values("first")
            rows = rows.filter(pk__in=first)
        return rows

    def prepare(self, rows: Sequence[Notice]) -> None:
        """Both texts of the versions shown, and which versions hold now. A query, and one for each purpose."""
        texts: dict[tuple[str, int], dict[str, str]] = {}
        found = Notice.objects.filter(slug__in={row.slug for row in rows})
        for slug, version, language, text in found.values_list("slug", "version", "language", "text"):
            texts.setdefault((slug, version), {})[language] = text
        holding = {(version.slug, version.number) for version in map(purposes.current_version, ASKED_ABOUT)}
        for row in rows:
            key = (row.slug, row.version)
            vars(row).update(written=texts[key], holds=key in holding)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Notice | None:
        row: Notice | None = super().get_object(request, object_id, from_field)
        if row is not None:
            self.prepare([row])
        return row

    @shown(_("notice"), order="slug")
    def told_name(self, row: Notice) -> str:
        return f"{row.slug}@{row.version}"

    @shown(_("purpose"), order="purpose")
    def told_purpose(self, row: Notice) -> str:
        return words_of(row.purpose)

    @shown(_("words in English"))
    def english(self, row: Notice) -> str:
        return self._text(row, ENGLISH)

    @shown(_("words in Chinese"))
    def chinese(self, row: Notice) -> str:
        return self._text(row, CHINESE)

    def _text(self, row: Notice, language: str) -> str:
        return str(vars(row)["written"].get(language) or gettext("not written yet"))

    @shown(_("state"))
    def state(self, row: Notice) -> str:
        if missing := self._missing(row):
            return gettext("shown to nobody: %s is missing") % ", ".join(missing)
        return (
            gettext("holds now") if vars(row)["holds"] else gettext("older: nobody is asked with it any more")
        )

    def _missing(self, row: Notice) -> list[str]:
        return [str(name) for code, name in settings.LANGUAGES if code not in vars(row)["written"]]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return (("slug", "purpose"), ("english", "chinese"), "completes")
        return (("told_name", "told_purpose"), ("english", "chinese"), ("state", "created_at"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("told_name", "told_purpose", "english", "chinese", "state") if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NoticeForm
        return super().get_form(request, obj, change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new version starts from the old words: `?from=` a row or `?purpose=` what it is about."""
        given = super().get_changeform_initial_data(request)
        number = request.GET.get("completes") or request.GET.get("from") or ""
        row = Notice.objects.filter(pk=int(number)).first() if number.isdecimal() else None
        if row is not None:
            texts = {
                other.language: other.text
                for other in Notice.objects.filter(slug=row.slug, version=row.version)
            }
            given |= {"slug": row.slug, "purpose": row.purpose}
            if "completes" in request.GET:
                given["completes"] = row.pk
        elif (purpose := request.GET.get("purpose", "")) in ASKED_ABOUT:
            version = purposes.current_version(purpose)
            texts = {language: shown_text.text for language, shown_text in version.texts.items()}
            given |= {"slug": version.slug, "purpose": purpose}
        else:
            return dict(given)
        return {**given, **{name: texts.get(code, "") for name, code in FIELDS.items()}}

    def save_model(self, request: HttpRequest, obj: Notice, form: Any, change: bool) -> None:
        """A row a language; the number follows the newest of this name, and 1 is the built-in texts' own."""
        started = Notice.objects.filter(pk=form.cleaned_data.get("completes") or 0).first()
        if started is not None:
            obj.version = started.version
        else:
            newest = Notice.objects.filter(slug=obj.slug).aggregate(n=Max("version"))["n"] or 0
            obj.version = max(newest, 1 if obj.slug in ASKED_ABOUT else 0) + 1
        there = set(
            Notice.objects.filter(slug=obj.slug, version=obj.version).values_list("language", flat=True)
        )
        rows = [
            Notice(slug=obj.slug, version=obj.version, purpose=obj.purpose, language=language, text=text)
            for language, text in form.texts.items()
            if language not in there
        ]
        for row in rows:
            shown_text = purposes.ShownText(f"{row.slug}@{row.version}", row.language, row.purpose, row.text)
            row.sha256 = shown_text.sha256
            row.save(force_insert=True)
        obj.pk = rows[0].pk if rows else started.pk if started is not None else None
        obj.language = rows[0].language if rows else ""
        if len(there) + len(rows) < len(settings.LANGUAGES):
            messages.warning(request, gettext("It is shown to nobody until it is written in both languages."))

    @button(_("Words that hold now"), path="in-force", icon="visibility", needs="view")
    def in_force(self, request: HttpRequest) -> HttpResponse:
        """Purpose by purpose, side by side, the built-in ones too. A query a purpose."""
        current = [purposes.current_version(purpose) for purpose in ASKED_ABOUT]
        return self.own_page(
            request,
            "admin/desk/notices.html",
            title=gettext("Words that hold now"),
            versions=[
                {
                    "purpose": version.purpose,
                    "told": words_of(version.purpose),
                    "name": f"{version.slug}@{version.number}",
                    "texts": [
                        (code, language, version.texts[code].text) for code, language in settings.LANGUAGES
                    ],
                }
                for version in current
            ],
            may_add=self.has_add_permission(request),
        )

    @button(_("New version"), path="new-version", icon="add", needs="write")
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_the_form("from", object_id)

    @button(_("Add the missing language"), path="complete", icon="translate", needs="write")
    def complete(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_the_form("completes", object_id)

    def _to_the_form(self, how: str, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{reverse('admin:customers_notice_add')}?{how}={int(object_id)}")

    def is_useful(self, name: str, row: Any) -> bool:
        return bool(self._missing(row)) if name == "complete" else True

    def sections(self, request: HttpRequest, row: Notice) -> list[Section]:
        """Where it is used and who said yes to it, in tens. Two queries; the first reads the ledger's lines of this purpose."""
        name = f"{row.slug}@{row.version}"
        if row.purpose == purposes.SOFT_OPT_IN:
            orders = SoftOptIn.objects.filter(notice=name).aggregate(n=Count("order_id", distinct=True))["n"]
            counted = [(gettext("Orders at which nobody refused"), few.short(orders))]
        else:
            still = ConsentState.objects.filter(
                customer_id=OuterRef("customer_id"), purpose=row.purpose, record_id=OuterRef("pk")
            )
            said = ConsentRecord.objects.filter(notice=name, purpose=row.purpose, granted=True)
            found = said.aggregate(n=Count("pk"), holds=Count("pk", filter=Q(Exists(still))))
            waiting = PendingConsent.objects.filter(notice=name, confirmed_at__isnull=True).count()
            counted = [
                (gettext("Said yes to these words"), few.short(found["n"])),
                (gettext("Of these, the yes that holds today"), few.short(found["holds"])),
                (gettext("Were asked by mail and have not confirmed"), few.short(waiting)),
            ]
        if vars(row)["holds"]:
            where = gettext("preference page, consent widget, GET /notices, double opt-in mail")
        elif self._missing(row):
            where = gettext("nowhere yet")
        else:
            where = gettext("nowhere any more; it proves what was said to it")
        return [
            Section(
                _("Where it is used"),
                (_("what"), _("how many")),
                [(gettext("Stands in"), where), *counted],
            )
        ]
