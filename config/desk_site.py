"""The desk's site: every page it is given writes down what is done on it, and keeps its list's views."""

import json
import time
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_noop
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from config import changes, search, shortcuts
from config.changes.desk import Audited
from config.models import Change
from config.saved_views.desk import WithViews


class Desk(UnfoldAdminSite):  # type: ignore[misc]
    empty_value_display = "–"

    def register(
        self,
        model_or_iterable: Any,
        admin_class: Any = None,
        **options: Any,
    ) -> None:
        """Laid over each page here, so that none can be forgotten."""
        page = admin_class or admin.ModelAdmin
        own = type(page.__name__, (WithViews, Audited, page), {"__module__": page.__module__})
        super().register(model_or_iterable, own, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Every room by app, worked out where it is read: each page hands it on, and was a third longer for it."""
        return SimpleLazyObject(lambda: admin.AdminSite.get_app_list(self, request, app_label))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        _keep_the_nearest_active(context["sidebar_navigation"])
        # A key leads where the menu does: it tells of no room that one's role does not have.
        open_to = {
            str(item["link"])
            for group in context["sidebar_navigation"]
            for item in group["items"]
            if item["has_permission"]
        }
        keys = {key: link for key, link in shortcuts.addresses().items() if link in open_to}
        return {**context, "shortcut_addresses": json.dumps(keys)}

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The rooms of the menu by their names there, in the reader's language, then what stands in them.

        Worked out anew each time: what somebody looked for is not kept.
        """
        asked = request.GET.get("s", "").strip()
        if not asked:
            return HttpResponse()
        began = time.monotonic()
        results = [*self._rooms(request, asked.casefold()), *search.found(request, asked)]
        every = Paginator(results, max(len(results), 1))
        context = {
            "page_obj": every,
            "results": every.page(1),
            "page_counter": 0,
            "execution_time": time.monotonic() - began,
        }
        return TemplateResponse(request, "unfold/helpers/command_results.html", context)

    def _rooms(self, request: HttpRequest, asked: str) -> list[SearchResult]:
        found = [
            SearchResult(
                str(item["title"]), str(group.get("title") or ""), str(item["link"]), item.get("icon")
            )
            for group in self.get_sidebar_list(request)
            for item in group["items"]
            if item["has_permission"] and asked in f"{item['title']} {group.get('title', '')}".casefold()
        ]
        # A room's own name comes before those whose group is meant.
        return sorted(found, key=lambda result: asked not in result.title.casefold())

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        answer: HttpResponseBase = super().login(request, extra_context)
        if request.method == "POST":
            user: Any = request.user
            if answer.status_code == 302 and user.is_authenticated:
                changes.note(Change.Deed.LOGGED_IN, request)
            else:
                self._refused(request.POST.get("username", ""))
        return answer

    def _refused(self, typed: str) -> None:
        """Only a name that there is: another may be a password in the wrong field, and a stranger's script tries many."""
        if User.objects.filter(username=typed).exists():
            words = gettext_noop("A wrong password at the log-in page.")
            changes.note(Change.Deed.REFUSED, None, who=typed, words=words)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        answer: HttpResponseBase = super().password_change(request, extra_context)
        if request.method == "POST" and answer.status_code == 302:
            changes.note(
                Change.Deed.DID, request, words=gettext_noop("Changed the password that they log in with.")
            )
        return answer

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        if request.method == "POST" and request.user.is_authenticated:
            changes.note(Change.Deed.LOGGED_OUT, request)
        answer: HttpResponseBase = super().logout(request, extra_context)
        return answer


def _keep_the_nearest_active(groups: list[dict[str, Any]]) -> None:
    """The calendar lies below the campaigns' address, and is not also “All campaigns”."""
    active = [item for group in groups for item in group["items"] if item.get("active")]
    nearest = max((len(str(item["link"])) for item in active), default=0)
    for item in active:
        item["active"] = len(str(item["link"])) == nearest
