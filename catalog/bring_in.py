"""The desk's pages of things that come out to a file and in again: looked at first, then all of it or nothing."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from catalog import definitions, tables
from catalog.definitions import Change, Things, Trial
from catalog.files import download
from catalog.pages import Page

SHOWN = 50


class BringsIn(Page):
    """Rows that whoever may write them takes out and brings in; the history of each says so."""

    things: Things
    file_title: str | Promise
    file_about: str | Promise
    file_example: str

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def list_links(self, request: HttpRequest) -> list[tuple[Any, str]]:
        if not self._may_bring_in(request):
            return super().list_links(request)
        asked = f"?{given}" if (given := request.GET.urlencode()) else ""
        return [
            (_("These rows as CSV"), reverse(f"admin:{self._name('file')}", args=["csv"]) + asked),
            (_("as JSON"), reverse(f"admin:{self._name('file')}", args=["json"]) + asked),
            (_("Bring in a file…"), reverse(f"admin:{self._name('bring_in')}")),
        ]

    def _may_bring_in(self, request: HttpRequest) -> bool:
        """Also to take them out: a rule as it is written is for whoever writes."""
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("file.<slug:form>", wrap(self.file), name=self._name("file")),
            path("bring-in", wrap(self.bring_in), name=self._name("bring_in")),
            *super().get_urls(),
        ]

    def file(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """What the list shows, in the columns that a file brought in has: out, changed, and in again."""
        if not self._may_bring_in(request):
            raise PermissionDenied
        rows, columns = self.rows_of_file(self.rows_as_listed(request)), self.things.columns
        told = (self.things.told(row) for row in rows.iterator(chunk_size=500))
        if form != "json":
            cells = (definitions.as_cells(one, columns) for one in told)
            return download(f"{self.opts.model_name}.csv", [column.name for column in columns], cells)
        answer = StreamingHttpResponse(_as_json(told), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}.json"'
        return answer

    def rows_of_file(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """With what their columns need, read at once for many."""
        return rows

    def bring_in(self, request: HttpRequest) -> HttpResponse:
        """Choose a file, see what would become of it, take it in."""
        if not self._may_bring_in(request):
            raise PermissionDenied
        by, context = str(request.user.get_username()), {}
        if request.method == "POST":
            try:
                if value := request.POST.get("sealed"):
                    content, said = tables.unsealed(self._name("in"), value, by=by)
                    context = self._take_in(request, content, said, by=by)
                    if "done" in context:
                        return self._taken(request, context["done"])
                else:
                    name, content = tables.chosen(request)
                    context = self._looked_at(content, name, by=by)
            except tables.NotReadable as error:
                context = {"problem": str(error)}
        return self.own_page(
            request,
            "admin/desk/bring_in_things.html",
            title=str(self.file_title),
            about=self.file_about,
            example=self.file_example,
            columns=self.things.columns,
            shown=SHOWN,
            most=definitions.MOST_ROWS,
            back=reverse(f"admin:{self._name('changelist')}"),
            **context,
        )

    def _looked_at(self, content: bytes, name: str, *, by: str) -> dict[str, Any]:
        trial = definitions.bring_in(self.things, definitions.read(content, self.things.columns), keep=False)
        sealed = ""
        if trial.is_good:
            sealed = tables.sealed(self._name("in"), content, by=by, name=name, seen=_digest(trial))
        return {"trial": trial, "name": name, "sealed": sealed}

    def _take_in(
        self, request: HttpRequest, content: bytes, said: dict[str, Any], *, by: str
    ) -> dict[str, Any]:
        """What was looked at, or, where somebody has changed something since, another look."""
        looked = self._looked_at(content, said["name"], by=by)
        if not looked["sealed"] or _digest(looked["trial"]) != said["seen"]:
            return {**looked, "is_anew": True}

        def note(thing: Any, change: Change) -> None:
            if change.is_new:
                self.log_addition(request, thing, [{"added": {}}])
            else:
                self.log_change(request, thing, "Brought in from a file.")

        done = definitions.bring_in(
            self.things,
            definitions.read(content, self.things.columns),
            keep=True,
            before=lambda thing: self.get_object(request, str(thing.pk)),  # the history keeps what was here
            after=note,
        )
        return {"done": done} if done.is_good else {**looked, "trial": done, "sealed": "", "is_anew": True}

    def _taken(self, request: HttpRequest, trial: Trial) -> HttpResponse:
        new, changed = len(trial.new), len(trial.changed)
        told = ngettext("%s is new", "%s are new", new) % new
        told_changed = ngettext("%s is changed", "%s are changed", changed) % changed
        messages.success(
            request, gettext("Taken in: %(new)s, %(changed)s.") % {"new": told, "changed": told_changed}
        )
        return HttpResponseRedirect(reverse(f"admin:{self._name('changelist')}"))


def _digest(trial: Trial) -> str:
    return hashlib.sha256(repr(trial.changes).encode()).hexdigest()


def _as_json(told: Iterable[dict[str, Any]]) -> Iterable[str]:
    comma = "[\n"
    for one in told:
        yield comma + json.dumps(one, ensure_ascii=False)
        comma = ",\n"
    yield "\n]\n" if comma.startswith(",") else "[]\n"
