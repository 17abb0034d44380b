"""The pages of a saved view: keep one, change its name, who has it and whether it opens first, delete it."""

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from config import roles, saved_views
from config.models import SavedView


def new(request: HttpRequest) -> HttpResponse:
    """A view of the list `model`, with what its address said."""
    model = request.POST.get("model") or request.GET.get("model", "")
    query = request.POST.get("query") or request.GET.get("query", "")
    back = _list(request, model)
    row = SavedView(model=model)
    return _form(request, row, back=back, query=saved_views.kept_of(query, model), title=_("Keep this view"))


def change(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own only: another's, shared with one's role, is opened and left as it is."""
    row = SavedView.objects.filter(pk=pk, owner_id=request.user.pk).first()
    if row is None:
        raise Http404
    back = _list(request, row.model)
    if request.method == "POST" and "delete" in request.POST:
        row.delete()
        messages.success(request, _("The view “%s” is deleted. The rows it showed are untouched.") % row)
        return HttpResponseRedirect(f"{back}?view=all")
    return _form(request, row, back=back, query=None, title=_("The view “%s”") % row)


def _form(request: HttpRequest, row: SavedView, *, back: str, query: str | None, title: str) -> HttpResponse:
    given: dict[str, Any] = {
        "name": row.name,
        "role": str(row.role_id or ""),
        "is_default": row.is_default,
    }
    problems: dict[str, str] = {}
    if request.method == "POST":
        given = {
            "name": request.POST.get("name", ""),
            "role": request.POST.get("role", ""),
            "is_default": "is_default" in request.POST,
        }
        try:
            saved_views.save(request.user, row, query=query, **given)
        except saved_views.NotAView as error:
            problems = {error.field: str(error)}
        else:
            messages.success(request, _("The view “%s” is kept.") % row)
            return HttpResponseRedirect(f"{back}?{row.query}")
    choices = [(str(group.pk), roles.told(group)) for group in saved_views.roles_of(request.user)]
    context = {
        **admin.site.each_context(request),
        "title": title,
        "row": row,
        "given": given,
        "problems": problems,
        "choices": choices,
        "query": row.query if query is None else query,
        "loses_search": saved_views.is_of_people(row.model),
        "back": back,
        "list_name": apps.get_model(row.model)._meta.verbose_name_plural,  # noqa: SLF001
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "admin/views/form.html", context)


def _list(request: HttpRequest, model: str) -> str:
    """The address of the list, for whoever may see it."""
    try:
        app, name = apps.get_model(model)._meta.label_lower.split(".")  # noqa: SLF001
        address = reverse(f"admin:{app}_{name}_changelist")
    except (LookupError, ValueError, NoReverseMatch) as error:
        raise Http404 from error
    if not request.user.has_perm(f"{app}.view_{name}") and not request.user.has_perm(f"{app}.change_{name}"):
        raise Http404
    return address
