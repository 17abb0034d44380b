"""What every page of the desk writes down of what is done on it; the site lays this over each page it is given."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from config import changes
from config.changes.told import entries
from config.models import Change

# Of one thing, on its own page; the log has all of them.
NEWEST = 200


class Audited:
    """What stood there is looked at when a form or a button is sent, and again when the page says what was done."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if row is not None and request.method == "POST":
            _before(request).setdefault(_key(row), self.state_of(row))
        return row

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        deed = Change.Deed.ADDED if not isinstance(message, str) else Change.Deed.DID
        self._note(request, obj, deed, message, before={})
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """A form's changes are told as a list, a step taken in words."""
        deed = Change.Deed.CHANGED if not isinstance(message, str) else Change.Deed.DID
        self._note(request, obj, deed, message, before=_before(request).get(_key(obj), {}))
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> Any:
        for row in queryset:
            was = self.state_of(row)
            changes.note(
                Change.Deed.DELETED,
                request,
                thing=row,
                fields=changes.difference(changes.label_of(row), was, {}),
            )
        return super().log_deletions(request, queryset)  # type: ignore[misc]

    def state_of(self, row: Model) -> dict[str, Any]:
        """The row, and what is edited inside its page."""
        inside = {}
        for inline in getattr(self, "inlines", ()):
            kind = inline.model
            to_it = [
                field.name
                for field in kind._meta.concrete_fields  # noqa: SLF001 - Django's documented way
                if field.is_relation and field.related_model is type(row)
            ]
            if to_it:
                inside[str(kind._meta.model_name)] = kind._default_manager.filter(  # noqa: SLF001
                    **{to_it[0]: row.pk}
                )
        return changes.state_of(row, inside=inside)

    def _note(
        self, request: HttpRequest, row: Model, deed: Change.Deed, message: Any, *, before: changes.State
    ) -> None:
        now = self.state_of(row)
        changes.note(
            deed,
            request,
            thing=row,
            words=message if isinstance(message, str) else "",
            fields=changes.difference(changes.label_of(row), before, now)
            if before or deed == Change.Deed.ADDED
            else {},
        )
        _before(request)[_key(row)] = now

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """What was done to this thing, by whom; whoever may see the thing may see that."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_or_change_permission(request, row):  # type: ignore[attr-defined]
            answer: HttpResponseBase = super().history_view(request, object_id, extra_context)  # type: ignore[misc]
            return answer
        model = changes.label_of(row).lower()
        found = Change.objects.filter(model=model, object_id=str(row.pk)).order_by("-pk")
        told = list(found[: NEWEST + 1])
        return TemplateResponse(
            request,
            "admin/changes/history.html",
            {
                **self.admin_site.each_context(request),  # type: ignore[attr-defined]
                "opts": self.opts,  # type: ignore[attr-defined]
                "object": row,
                "original": row,
                "title": _("History of “%s”") % row,
                "entries": entries(told[:NEWEST]),
                "is_cut": len(told) > NEWEST,
                "all_query": f"model={model}&object_id={row.pk}",
                "may_see_all": request.user.has_perm("config.view_change"),
            },
        )


def _key(row: Model) -> tuple[str, Any]:
    return changes.label_of(row), row.pk


def _before(request: HttpRequest) -> dict[tuple[str, Any], changes.State]:
    """What stood there when this request came, by row; a second look in it sees what the first has done."""
    found: dict[tuple[str, Any], changes.State] = request.META.setdefault("tact.before", {})
    return found
