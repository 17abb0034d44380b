"""People's own pages: no login, no cookie, no script. GET only shows; what acts is a POST."""

import zoneinfo
from email.utils import parseaddr
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from customers import contact, encryption, gpc, links, optin, preferences, purposes, softoptin, suppression
from customers.models import Customer
from customers.preferences import Changes

CHINESE, ENGLISH = "zh-hans", "en"


def language_for(request: HttpRequest, locale: str = "") -> str:
    """The language asked for in the address, else the person's own, else the browser's."""
    asked = request.GET.get("language", "")
    if asked in dict(settings.LANGUAGES):
        return asked
    spoken = locale or translation.get_language_from_request(request)
    return CHINESE if spoken.lower().startswith("zh") else ENGLISH


def guarded(response: HttpResponseBase, language: str = "") -> HttpResponseBase:
    """What every people's page tells the browser, beside the policy all pages have."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if language:
        response.headers["Content-Language"] = language
    return response


@method_decorator(csrf_exempt, name="dispatch")
class Page(View):
    """A page of one person, found by the token in its address: whoever holds that may act, so no form needs more.

    Every token that leads to nobody gets the same answer.
    """

    kind: ClassVar[str] = links.PREFERENCES
    person: Customer
    purpose = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.at = timezone.now()
        try:
            self.find(kwargs["token"])
        except (links.NobodyThere, optin.UnknownLink):
            return nobody(request)
        except optin.NotOpen as error:
            return self.over(request, error)
        if request.method == "POST":  # looking never changes anything (U2)
            gpc.honour(request, [self.person.pk], source="person's page", at=self.at)
        self.language = language_for(request, self.person.locale)
        with translation.override(self.language), timezone.override(_zone(self.person)):
            try:
                return guarded(super().dispatch(request, *args, **kwargs), self.language)
            except Customer.DoesNotExist:  # erased in this very moment
                return nobody(request)

    def find(self, token: str) -> None:
        """Set `person` (and `purpose`). Raises NobodyThere."""
        self.person, self.purpose = links.person_of(self.kind, token)

    def over(self, request: HttpRequest, error: Exception) -> HttpResponseBase:
        raise error

    def page(self, template: str, **context: Any) -> HttpResponse:
        return rendered(self.request, template, self.language, **{"languages": settings.LANGUAGES, **context})

    def preferences_url(self) -> str:
        return f"{links.preferences_url(self.person)}?language={self.language}"


def rendered(
    request: HttpRequest, template: str, language: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    shop = parseaddr(settings.DEFAULT_FROM_EMAIL)[0]
    frame = {"language": language, "shop": shop, "postal_address": settings.POSTAL_ADDRESS}
    return render(request, f"people/{template}.html", {**frame, **context}, status=status)


def nobody(request: HttpRequest) -> HttpResponseBase:
    language = language_for(request)
    with translation.override(language):
        page = rendered(request, "nobody", language, status=404, languages=settings.LANGUAGES)
        return guarded(page, language)


def _zone(person: Customer) -> zoneinfo.ZoneInfo:
    """The person's own zone, else the shop's. Python keeps the zones it has read; the list of all is never asked for."""
    for name in filter(None, (person.time_zone, settings.DEFAULT_TIME_ZONE)):
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return zoneinfo.ZoneInfo("UTC")


def masked(address: str) -> str:
    """Enough of an address for its owner to know it by."""
    name, at, host = address.partition("@")
    return f"{name[:1]}…{at}{host}" if at else ""


class Preferences(Page):
    """What is sent and why, a switch for each purpose, how often and about what, and one button that stops everything."""

    is_kept_off = False
    """Something was turned on here that the browser's Global Privacy Control keeps off."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        match request.POST.get("action"):
            case "stop":
                preferences.stop(self.person.pk, source=self.source, at=self.at)
                return self.shown(stopped=True)
            case "object":
                done = preferences.leave(
                    self.person.pk,
                    softoptin.PURPOSE,
                    method=preferences.METHOD,
                    source=self.source,
                    at=self.at,
                )
                return self.shown(saved=True, changed=done)
            case "pause":
                contact.pause(self.person.pk, at=self.at)
                return self.shown(paused=True)
            case "resume":
                contact.resume(self.person.pk)
                return self.shown(resumed=True)
        changes = self.save_purposes()
        is_new = contact.choose(
            self.person.pk,
            frequency=request.POST.get("frequency"),
            shown=_numbers(request.POST.getlist("topic_shown")),
            kept=_numbers(request.POST.getlist("topic")),
        )
        is_new |= self.save_language(request.POST.get("speak", ""))
        with translation.override(self.language):
            changed = is_new or bool(changes.turned_on or changes.turned_off)
            return self.shown(saved=True, changed=changed, changes=changes)

    @property
    def source(self) -> str:
        """Where the ledger says that the answer was given."""
        return (self.request.resolver_match and self.request.resolver_match.url_name) or ""

    def save_purposes(self) -> Changes:
        """Keep the answers to the words that stood beside the switches of the form."""
        shown = {}
        for line in self.request.POST.getlist("shown"):
            purpose, _space, words = line.partition(" ")
            notice, _space, language = words.partition(" ")
            shown[purpose] = (notice, language)
        on = set(self.request.POST.getlist("on"))
        if gpc.is_on(self.request):
            self.is_kept_off = bool(on.intersection(gpc.PURPOSES))
            on -= set(gpc.PURPOSES)
        return preferences.save(
            self.person.pk,
            wanted={purpose: purpose in on for purpose in shown},
            shown=shown,
            source=self.source,
            at=self.at,
        )

    def save_language(self, wanted: str) -> bool:
        """Mails and this page speak it from now on. What they speak anyway is not written over a finer locale."""
        if wanted not in dict(settings.LANGUAGES) or wanted == spoken_by(self.person):
            return False
        contact.speak(self.person.pk, wanted)
        self.person.locale = self.language = wanted
        return True

    def shown(self, **context: Any) -> HttpResponse:
        choices = preferences.choices(self.person.pk, language=self.language)
        listed = suppression.of(suppression.places(self.person)).filter(channel="email")
        wish = contact.wish(self.person.pk)
        return self.page(
            "preferences",
            choices=choices,
            anything_on=any(choice.is_on for choice in choices),
            address=masked(encryption.unseal(self.person).get("email", "")),
            suppressed=listed.order_by("created_at").first(),
            is_buyer=softoptin.is_buyer(self.person.pk, at=self.at),
            wish=wish,
            paused_until=wish.paused_until if wish.is_paused(self.at) else None,
            topics=contact.topics(wish, language=self.language),
            spoken=spoken_by(self.person),
            signalled=gpc.PURPOSES if gpc.is_on(self.request) else (),
            is_kept_off=self.is_kept_off,
            restricted=self.person.restricted_at is not None,
            token=self.kwargs["token"],
            **self.more(),
            **context,
        )

    def more(self) -> dict[str, Any]:
        """What apps above know of the person: their part of the page."""
        return {}


def spoken_by(person: Customer) -> str:
    """The language mails to them are written in."""
    return CHINESE if person.locale.lower().startswith("zh") else ENGLISH


def _numbers(values: list[str]) -> list[int]:
    return [int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 19]


class Unsubscribe(Page):
    """RFC 8058: a POST, whatever its body, ends one purpose. It never expires."""

    kind = links.UNSUBSCRIBE

    def find(self, token: str) -> None:
        super().find(token)
        if self.purpose not in purposes.PURPOSES:
            raise links.NobodyThere

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.shown(is_done=False)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        preferences.leave(
            self.person.pk, self.purpose, method="unsubscribe", source="unsubscribe", at=self.at
        )
        return self.shown(is_done=True)

    def shown(self, *, is_done: bool) -> HttpResponse:
        return self.page(
            "unsubscribe",
            is_done=is_done,
            words=purposes.current_notice(self.purpose, self.language).text,
            preferences=self.preferences_url(),
        )


class Confirm(Page):
    """The link of the double opt-in mail: a page that asks once more, and a POST that says yes."""

    opened: optin.Opened

    def find(self, token: str) -> None:
        self.opened = optin.look(token, at=self.at)
        self.person = self.opened.customer

    def over(self, request: HttpRequest, error: Exception) -> HttpResponseBase:
        language = language_for(request)
        with translation.override(language):
            is_used = isinstance(error, optin.Used)
            page = rendered(
                request, "confirm_over", language, status=410, is_used=is_used, languages=settings.LANGUAGES
            )
            return guarded(page, language)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.page("confirm", notice=self.opened.notice)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            optin.confirm(kwargs["token"], at=self.at)
        except optin.NotOpen as error:
            return self.over(request, error)
        return self.page(
            "confirm", notice=self.opened.notice, is_done=True, preferences=self.preferences_url()
        )
