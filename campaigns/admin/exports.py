"""The desk's page of exports: asking for a file, its progress, and fetching it."""

from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import exports
from campaigns.api.exports import as_file
from campaigns.models import Export
from catalog.pages import button, shown
from catalog.progress import Progress
from catalog.work import CallingOff, Worked

AT_WORK = (Export.State.WAITING, Export.State.RUNNING)


LOOKS = {"class": "desk-input"}


class ExportForm(forms.Form):
    dataset = forms.ChoiceField(label=_("set"), widget=forms.Select(LOOKS))
    form = forms.ChoiceField(label=_("format"), choices=Export.Format.choices, widget=forms.Select(LOOKS))
    since = forms.DateTimeField(
        label=_("from"), required=False, widget=forms.DateInput({**LOOKS, "type": "date"})
    )
    until = forms.DateTimeField(
        label=_("until (not included)"), required=False, widget=forms.DateInput({**LOOKS, "type": "date"})
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choices = [(one.name, one.title) for one in exports.DATASETS.values()]
        self.fields["dataset"].choices = choices  # type: ignore[attr-defined]


CALLING_OFF = CallingOff(
    question=_("Cancel this export?"),
    consequence=_("No file is left. It can be asked for again at any time."),
    confirm=_("Cancel this export"),
    ended=_("This export has ended; there is nothing to cancel."),
    done=_("It is cancelled, or stops at its next page."),
)


@admin.register(Export)
class ExportAdmin(Worked):
    about = _("Nothing has been exported yet. “New export” writes a set of rows to a file.")
    list_display = (
        "told_set",
        "format",
        "told_state",
        "told_progress",
        "rows",
        "told_size",
        "requested_by",
        "created_at",
    )
    list_filter = ("dataset", "state")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions_list = ("make",)
    actions_detail = ("download", "cancel", "anew")
    watched = _("A file is being written; this list follows it by itself.")
    fields = (
        ("told_set", "format"),
        ("since", "until"),
        ("state", "told_why"),
        ("rows", "told_size"),
        ("requested_by", "created_at"),
        ("ended_at", "expires_at"),
        ("downloads", "downloaded_by", "downloaded_at"),
        ("cancelled_by", "cancel_asked_at"),
    )
    readonly_fields = ("told_set", "told_size", "told_why")
    waits = _("Waiting for the worker, which writes one file after the other")
    died = _("Its worker died; another one begins again within moments")

    def progress_of(self, row: Export) -> Progress:
        return exports.progress(row, at=timezone.now())

    def is_silent(self, row: Export) -> bool:
        return exports.is_silent(row, at=timezone.now())

    @shown(_("set"), order="dataset")
    def told_set(self, export: Export) -> str:
        known = exports.DATASETS.get(export.dataset)
        return str(known.title) if known else export.dataset

    @shown(_("size"), order="size")
    def told_size(self, export: Export) -> str:
        return filesizeformat(export.size) if export.size else "–"

    @shown(_("why"), order="why")
    def told_why(self, export: Export) -> str:
        return why_words(export.why) or "–"

    def is_useful(self, name: str, row: Export) -> bool:
        if name == "cancel":
            return row.state in AT_WORK and row.cancel_asked_at is None
        if name == "anew":
            return row.state in (Export.State.FAILED, Export.State.CANCELLED)
        return name != "download" or exports.is_waiting(row, at=timezone.now())

    @button(_("New export"), path="make", icon="download")
    def make(self, request: HttpRequest) -> HttpResponse:
        """Write the wish down; the worker takes it up. The same deed as the API's."""
        form = ExportForm(request.POST or None, initial=request.GET.dict())
        if request.method == "POST" and form.is_valid():
            try:
                row = exports.ask(**form.cleaned_data, by=request.user.get_username())
            except ValueError as error:
                form.add_error(None, str(error))
            else:
                self.log_addition(request, row, "Asked for.")
                messages.success(
                    request, gettext("Asked for. The worker begins within seconds; you may leave.")
                )
                return HttpResponseRedirect(reverse("admin:campaigns_export_change", args=[row.pk]))
        return self.own_page(
            request,
            "admin/desk/export.html",
            title=gettext("New export"),
            form=form,
        )

    @button(_("Ask for it anew"), path="anew", icon="replay")
    def anew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form of a new export, as this one was asked for."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        said = {"dataset": row.dataset, "form": row.format}
        for name in ("since", "until"):
            if (moment := getattr(row, name)) is not None:
                said[name] = timezone.localtime(moment).date().isoformat()
        return HttpResponseRedirect(f"{reverse('admin:campaigns_export_make')}?{urlencode(said)}")

    @button(_("Download"), path="download", icon="download")
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        answer = as_file(row, by=request.user.get_username())
        self.log_change(request, row, "Downloaded.")
        return answer  # type: ignore[return-value]

    @button(_("Cancel this export"), path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def cancel(row: Export) -> bool:
            try:
                exports.cancel(row, by=request.user.get_username(), at=timezone.now())
            except exports.TooLate:
                return False
            return True

        return self.call_off(request, object_id, CALLING_OFF, cancel)


def why_words(why: str) -> str:
    """Why there is no file, in the reader's language; the row and the API keep the English sentence."""
    number, _space, rest = why.partition(" ")
    if number.isdecimal() and rest == "workers died at it.":
        return ngettext("%s worker died at it.", "%s workers died at it.", int(number)) % number
    if " " in why or not why:
        return gettext(why) if why else ""
    return gettext("An error stopped it: %s.") % why
