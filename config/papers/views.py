"""The papers on the desk, and each as a file to take along."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from config import papers
from config.papers.page import TITLES

# Whoever may see the ledger may see what is done with people's data.
NEEDS = "customers.view_consentrecord"


def paper(request: HttpRequest, slug: str = "register") -> HttpResponse:
    """One paper; with `?file` as a page of HTML that stands alone."""
    if not request.user.has_perm(NEEDS):
        raise PermissionDenied
    if slug not in papers.MAKERS:
        raise Http404
    made = papers.make(slug, at=timezone.now())
    if "file" in request.GET:
        response = HttpResponse(papers.as_file(made), content_type="text/html; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{slug}.html"'
        return response
    others = [
        {"slug": name, "title": TITLES[name], "link": reverse("admin:paper", args=[name])}
        for name in papers.MAKERS
    ]
    request.current_app = admin.site.name
    frame = {**admin.site.each_context(request), "title": made.title, "paper": made, "papers": others}
    return TemplateResponse(request, "admin/desk/paper.html", frame)
