"""The page of a long work: how far it is, followed by itself, until it ends or is called off."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, shown
from catalog.progress import Progress, bar


@dataclass(frozen=True)
class CallingOff:
    """The words of the page that calls a work off."""

    question: str | Promise
    consequence: str | Promise
    confirm: str | Promise
    ended: str | Promise
    done: str | Promise


class Worked(ReadOnly):
    """Rows that a worker works on. Their lists and forms show the same bar, and follow it."""

    change_form_before_template = "admin/desk/work.html"
    list_before_template = "admin/desk/watched.html"
    at_work: tuple[str, ...] = ("waiting", "running")
    waits: str | Promise = _("Waiting for the worker, which begins within seconds")
    died: str | Promise = _("Its worker died; nothing was kept, and another one begins again within moments")

    def progress_of(self, row: Any) -> Progress:
        """Of a row that is at work. A list asks it for no more rows than there are workers and wishes."""
        raise NotImplementedError

    def is_silent(self, row: Any) -> bool:
        """Whether the worker that had it must have died."""
        raise NotImplementedError

    def state_in_words(self, row: Any) -> str:
        if row.state == "waiting":
            return str(self.waits)
        if row.cancel_asked_at is not None:
            return gettext("stopping")
        return str(self.died) if self.is_silent(row) else str(row.get_state_display())

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
    def told_state(self, row: Any) -> tuple[str, str]:
        if row.cancel_asked_at is not None and row.state == "running":
            return row.state, gettext("stopping")
        return row.state, row.get_state_display()

    def is_at_work(self) -> bool:
        """Whether a list has something to follow."""
        return bool(self.model._default_manager.filter(state__in=self.at_work).exists())  # noqa: SLF001

    @shown(_("progress"))
    def told_progress(self, row: Any) -> str | SafeString:
        if row.state in self.at_work:
            return bar(self.progress_of(row))
        return "100 %" if row.state == "done" else "–"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_work"
        view = self.admin_site.admin_view(self.work)
        return [path("<path:object_id>/work", view, name=name), *super().get_urls()]

    def work(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The bar anew; once the work has ended, the whole page."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row.state not in self.at_work:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return TemplateResponse(request, "admin/desk/work_bar.html", self._at_work(request, row))

    def call_off(
        self, request: HttpRequest, object_id: str, words: CallingOff, cancel: Callable[[Any], bool]
    ) -> HttpResponse:
        """Asks once; then `cancel` calls it off, and answers False where the work has ended meanwhile."""
        row = self.get_object(request, object_id)
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])
        if row is not None and row.state in self.at_work and request.method != "POST":
            return self.own_page(
                request,
                "admin/desk/confirm.html",
                title=str(words.question),
                row=row,
                sentences=[words.consequence],
                confirm=words.confirm,
                is_grave=True,
            )
        if row is None or row.state not in self.at_work or not cancel(row):
            messages.info(request, str(words.ended))
        else:
            self.log_change(request, row, "Cancelled.")
            messages.success(request, str(words.done))
        return HttpResponseRedirect(address)

    def _at_work(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Whoever listens is told of each new state, and of each quarter; not every two seconds."""
        progress, name = self.progress_of(row), f"{self.opts.app_label}_{self.opts.model_name}_work"
        said = f"{row.state}-{(progress.percent or 0) // 25}"
        return {
            "work": progress,
            "work_state": self.state_in_words(row),
            "work_said": said,
            "is_news": request.GET.get("said", said) != said,
            "work_link": reverse(f"admin:{name}", args=[row.pk]),
        }

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> TemplateResponse:
        row = context.get("original")
        if row is not None and row.state in self.at_work:
            context |= self._at_work(request, row)
        return super().render_change_form(request, context, *args, **kwargs)
