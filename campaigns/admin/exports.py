"""The desk's page of exports: asking for a file, its progress, and fetching it."""

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import exports
from campaigns.api.exports import as_file
from campaigns.models import Export
from catalog.pages import ReadOnly, button, shown

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


@admin.register(Export)
class ExportAdmin(ReadOnly):
    about = _("Nothing has been exported yet. “New export” writes a set of rows to a file.")
    list_display = ("told_set", "format", "told_state", "rows", "told_size", "requested_by", "created_at")
    list_filter = ("dataset", "state")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions_list = ("make",)
    actions_detail = ("download", "cancel")
    list_before_template = "admin/desk/watched.html"
    watched = _("A file is being written; this list follows it by itself.")
    fields = (
        ("told_set", "format"),
        ("since", "until"),
        ("state", "why"),
        ("rows", "told_size"),
        ("requested_by", "created_at"),
        ("ended_at", "expires_at"),
        ("downloads", "downloaded_by", "downloaded_at"),
        ("cancelled_by", "cancel_asked_at"),
    )
    readonly_fields = ("told_set", "told_size")

    def is_at_work(self) -> bool:
        """Whether a list of exports has something to follow."""
        return Export.objects.filter(state__in=AT_WORK).exists()

    @shown(_("set"), order="dataset")
    def told_set(self, export: Export) -> str:
        known = exports.DATASETS.get(export.dataset)
        return str(known.title) if known else export.dataset

    @shown(
        _("state"),
        order="state",
        label={
            "waiting": "info",
            "running": "warning",
            "done": "success",
            "failed": "danger",
            "cancelled": "default",
            "gone": "default",
        },
    )
    def told_state(self, export: Export) -> tuple[str, str]:
        return export.state, export.get_state_display()

    @shown(_("size"), order="size")
    def told_size(self, export: Export) -> str:
        return filesizeformat(export.size) if export.size else "–"

    def is_useful(self, name: str, row: Export) -> bool:
        if name == "cancel":
            return row.state in AT_WORK and row.cancel_asked_at is None
        return name != "download" or exports.is_waiting(row, at=timezone.now())

    @button(_("New export"), path="make", icon="download")
    def make(self, request: HttpRequest) -> HttpResponse:
        """Write the wish down; the worker takes it up. The same deed as the API's."""
        form = ExportForm(request.POST or None)
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
                return HttpResponseRedirect(reverse("admin:campaigns_export_changelist"))
        return self.own_page(
            request,
            "admin/desk/export.html",
            title=gettext("New export"),
            form=form,
        )

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
        row = self.get_object(request, object_id)
        back = HttpResponseRedirect(reverse("admin:campaigns_export_changelist"))
        if row is None or row.state not in AT_WORK:
            messages.info(request, gettext("This export has ended; there is nothing to cancel."))
            return back
        if request.method != "POST":
            return self.own_page(
                request,
                "admin/desk/confirm.html",
                title=gettext("Cancel this export?"),
                row=row,
                sentences=[gettext("No file is left. It can be asked for again at any time.")],
                confirm=gettext("Cancel this export"),
                is_grave=True,
            )
        try:
            exports.cancel(row, by=request.user.get_username(), at=timezone.now())
        except exports.TooLate:
            messages.info(request, gettext("This export has ended; there is nothing to cancel."))
        else:
            self.log_change(request, row, "Cancelled.")
            messages.success(request, gettext("It is cancelled, or stops at its next page."))
        return back
