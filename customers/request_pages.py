"""People's own pages for demands: asking, proving by the mailed link, and fetching the copy. GET only shows."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import translation

from customers import (
    encryption,
    export_files,
    exports,
    letters,
    links,
    optin,
    privacy_views,
    request_work,
    requests,
)
from customers.models import PrivacyRequest
from customers.requests import BY_PAGE, Type
from customers.views import Page, guarded, language_for, masked, rendered

ASKABLE = (Type.RECTIFICATION, Type.RESTRICTION, Type.OBJECTION, Type.PORTABILITY)
SHOWN = 20


class Privacy(privacy_views.Privacy):
    """What is held, with what the person asked for so far and what they can ask for."""

    def page(self, template: str, **context: Any) -> HttpResponse:
        asked = list(PrivacyRequest.objects.filter(customer=self.person).order_by("-asked_at")[:SHOWN])
        for row in asked:
            waits = letters.is_waiting(row, at=self.at)
            row.copy = letters.export_url(row, self.person) if waits else ""  # type: ignore[attr-defined]
        return super().page(template, asked=asked, **context)


class Download(Page):
    """Everything held, streamed, as a file to take along."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if request.GET.get("format") == "csv":
            chunks, kind, name = (
                exports.as_table(self.person, at=self.at),
                "text/csv; charset=utf-8",
                exports.CSV_NAME,
            )
        else:
            chunks, kind, name = (
                exports.as_json(self.person, at=self.at),
                "application/json",
                exports.JSON_NAME,
            )
        return as_file(StreamingHttpResponse(chunks, content_type=kind), name)


def as_file(response: StreamingHttpResponse, name: str) -> StreamingHttpResponse:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class AskFor(Page):
    """A page that says what will happen, and the POST that asks for it. The link itself proves who asks."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        kind = self.kind_asked()
        if kind == Type.RESTRICTION and request.POST.get("action") == "lift":
            request_work.lift(self.person, by="customer", at=self.at)
            self.person.refresh_from_db()
            return self.shown(is_lifted=True)
        details = {name: request.POST.get(name, "") for name in (*requests.CORRECTABLE, "note")}
        try:
            asked = requests.ask(
                self.person, kind, source="privacy page", at=self.at, details=details, proven_by=BY_PAGE
            )
        except requests.NotPossible as error:
            return self.shown(problem=error, given=details)
        request_work.work_at_once(asked.request, at=self.at)
        asked.request.refresh_from_db()
        self.person.refresh_from_db()
        return self.shown(asked=asked.request)

    def kind_asked(self) -> str:
        kind = str(self.kwargs["kind"])
        if kind not in ASKABLE:
            raise Http404
        return kind

    def shown(self, **context: Any) -> HttpResponse:
        kind = self.kind_asked()
        held = encryption.unseal(self.person) if kind == Type.RECTIFICATION else {}
        held |= {"country": self.person.country, "time_zone": self.person.time_zone}
        given = context.pop("given", {})
        fields = [
            (name, words, requests.HINTS.get(name, ""), held.get(name, ""), given.get(name, ""))
            for name, words in requests.CORRECTABLE.items()
        ]
        return self.page(
            "request",
            type=kind,
            fields=fields,
            note=given.get("note", ""),
            days=(requests.due_at(self.person, at=self.at) - self.at).days,
            has_address=bool(self.person.email_index),
            is_restricted=self.person.restricted_at is not None,
            token=self.kwargs["token"],
            status=400 if "problem" in context else 200,
            **context,
        )


class Prove(Page):
    """The link of the mail that asks whether it was the person: a page that asks once more, and a POST that says yes."""

    asked: PrivacyRequest

    def find(self, token: str) -> None:
        try:
            self.asked = requests.look(token, at=self.at)
        except requests.UnknownLink as error:
            raise links.NobodyThere from error
        except requests.Over as error:
            raise optin.Expired from error
        if self.asked.customer is None:
            raise optin.Expired
        self.person = self.asked.customer

    def over(self, request: HttpRequest, error: Exception) -> HttpResponseBase:
        language = language_for(request)
        with translation.override(language):
            page = rendered(request, "request_over", language, status=410, languages=settings.LANGUAGES)
            return guarded(page, language)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            proven = requests.prove(kwargs["token"], at=self.at)
        except (requests.Over, requests.UnknownLink) as error:
            return self.over(request, error)
        request_work.work_at_once(proven, at=self.at)
        return self.shown(is_done=True)

    def shown(self, **context: Any) -> HttpResponse:
        words = requests.details_of(self.asked, self.person)
        fields = [(told, words[name]) for name, told in requests.CORRECTABLE.items() if name in words]
        address = masked(encryption.unseal(self.person).get("email", ""))
        return self.page(
            "request_prove",
            asked=self.asked,
            fields=fields,
            note=words.get("note", ""),
            address=address,
            **context,
        )


class Copy(Page):
    """Where the mailed link to a copy leads: a page, so that no scanner of mail fetches it, and the POST that gives it."""

    asked: PrivacyRequest

    def find(self, token: str) -> None:
        try:
            self.asked = letters.copy_of(token)
        except requests.UnknownLink as error:
            raise links.NobodyThere from error
        if self.asked.customer is None or not letters.is_waiting(self.asked, at=self.at):
            raise links.NobodyThere
        self.person = self.asked.customer

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        until = (self.asked.ended_at or self.at) + export_files.KEPT_FOR
        return self.page("request_copy", asked=self.asked, until=until)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        return copy_file(self.asked)


def copy_file(row: PrivacyRequest) -> StreamingHttpResponse:
    """The sealed copy of a request, opened as it is sent. Raises Http404 where it is gone."""
    if row.customer is None or row.customer.key is None:
        raise Http404
    try:
        chunks = export_files.opened(row.pk, row.customer.key)
    except FileNotFoundError as error:
        raise Http404 from error
    return as_file(StreamingHttpResponse(chunks, content_type="application/zip"), exports.ZIP_NAME)
