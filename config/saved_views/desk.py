"""What a list shows of its views; the site lays this over each page it is given."""

from typing import Any

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from config import saved_views

ALL = "all"


class WithViews:
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Without an address of its own a list opens with the view that its reader has chosen to come first."""
        # A popup and a search field ask for everything.
        is_plain = request.method == "GET" and "_popup" not in request.GET
        model = self.opts.label_lower  # type: ignore[attr-defined]
        if not (is_plain and self.has_view_permission(request)):  # type: ignore[attr-defined]
            answer: HttpResponseBase = super().changelist_view(request, extra_context)  # type: ignore[misc]
            return answer
        if not request.GET and (query := saved_views.default_of(request.user, model)):
            return HttpResponseRedirect(f"?{query}&view=default")
        asked = request.GET.copy()
        asked.pop("view", None)  # the list takes it for a filter that it does not know
        request.GET = asked  # type: ignore[assignment]
        now = saved_views.kept_of(asked.urlencode(), model)
        chips = saved_views.chips(request.user, model, now)
        context = {
            "saved_views": chips,
            "view_query": now,
            "view_model": model,
            "may_save_view": bool(now) and not any(chip.is_open for chip in chips),
            **(extra_context or {}),
        }
        listed: HttpResponseBase = super().changelist_view(request, context)  # type: ignore[misc]
        return listed
