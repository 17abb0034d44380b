"""The pages of the second factor, and the words for who tried too often."""

import math
from datetime import datetime
from typing import Any

import django_otp
from axes.helpers import get_cool_off
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_otp.plugins.otp_totp.models import TOTPDevice

from config import changes, second_factor

LOWEST_OF_CODES = 3


def code(request: HttpRequest) -> HttpResponse:
    """After the password: a code of the phone, or one kept for when it is lost."""
    device = second_factor.device_of(request.user)
    user: Any = request.user
    if device is None or user.is_verified():
        return HttpResponseRedirect(_next(request))
    problem = ""
    if request.method == "POST":
        typed = request.POST.get("code", "")
        problem = _problem(user, device, typed)
        if not problem:
            request.session.cycle_key()
            django_otp.login(request, device)
            changes.note(changes.Deed.LOGGED_IN, request, words="With a second factor.")
            _warn_of_few(request)
            return HttpResponseRedirect(_next(request))
        changes.note(changes.Deed.REFUSED, request, words="A wrong code of the second factor.")
    return _page(request, "code", _("Your second factor"), problem=problem, next=_next(request))


def set_up(request: HttpRequest) -> HttpResponse:
    """A picture for the phone; its first code shows that it has understood."""
    user: Any = request.user
    if second_factor.device_of(user) is not None:
        # Another phone comes after the old one is turned off, which asks for its code.
        page = "admin:second_factor" if user.is_verified() else "admin:second_factor_code"
        return HttpResponseRedirect(reverse(page))
    problem = ""
    if request.method == "POST":
        try:
            found = second_factor.confirm(_row(user), "".join(request.POST.get("code", "").split()))
        except second_factor.Wait as error:
            problem = _told_wait(error.until)
        else:
            if found is not None:
                device, codes = found
                request.session.cycle_key()
                django_otp.login(request, device)
                changes.note(changes.Deed.DID, request, thing=_row(user), words="Set up a second factor.")
                return _told_codes(request, codes)
            problem = _("This is not the code that the phone shows now. Type the newest one.")
    return _page(
        request,
        "set_up",
        _("Set up a second factor"),
        problem=problem,
        next=_next(request),
        offered=second_factor.offer(_row(user)),
        is_demanded=second_factor.is_demanded_of(user),
    )


def mine(request: HttpRequest) -> HttpResponse:
    """What one's own second factor is, and what can be done with it."""
    user: Any = request.user
    return _page(
        request,
        "mine",
        _("Second factor"),
        device=second_factor.device_of(user),
        left=second_factor.recovery_codes_left(user),
        is_demanded=second_factor.is_demanded_of(user),
    )


def recovery_codes(request: HttpRequest) -> HttpResponse:
    return _with_code(
        request,
        title=_("Make new recovery codes?"),
        sentences=[_("The ten old ones open nothing any more. The new ones are shown once.")],
        button=_("Make new codes"),
        do=_renew,
    )


def off(request: HttpRequest) -> HttpResponse:
    sentences = [_("From then on your password alone opens the desk. The recovery codes are deleted, too.")]
    if second_factor.is_demanded_of(request.user):
        sentences.append(_("Your role needs one: you will be asked to set up another at once."))
    return _with_code(
        request,
        title=_("Turn your second factor off?"),
        sentences=sentences,
        button=_("Turn it off"),
        do=_forget,
        is_grave=True,
    )


def locked_out(request: HttpRequest, *_given: Any) -> TemplateResponse:
    """In the place of axes' own line: how long it lasts, and what to do."""
    cool_off = get_cool_off(request)
    minutes = math.ceil(cool_off.total_seconds() / 60) if cool_off is not None else 0
    page = _page(request, "locked_out", _("Too many wrong passwords"), minutes=minutes, status=429)
    page["Retry-After"] = str(minutes * 60)
    page.render()  # axes answers in the place of a middleware: nobody renders it after
    return page


# --- how they work -----------------------------------------------------------------------------------------


def _page(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> TemplateResponse:
    frame = {**admin.site.each_context(request), "title": title, **context}
    request.current_app = admin.site.name
    return TemplateResponse(request, f"admin/second_factor/{template}.html", frame, status=status)


def _row(user: Any) -> User:
    """The person itself: what stands in a request is worked out where it is read, and is no row."""
    return User.objects.get(pk=user.pk)


def _next(request: HttpRequest) -> str:
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_ours else reverse("admin:index")


def _problem(user: Any, device: TOTPDevice, typed: str) -> str:
    """Why the code does not open anything; empty where it does."""
    try:
        is_right = second_factor.check(user, device, typed, at=timezone.now())
    except second_factor.Wait as error:
        return _told_wait(error.until)
    if is_right:
        return ""
    return _(
        "This code opens nothing: each works once, and one of the phone for half a minute. Type the newest one."
    )


def _told_wait(until: datetime) -> str:
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    if seconds > 90:
        minutes = math.ceil(seconds / 60)
        return (
            ngettext(
                "Too many wrong codes. Try again in %s minute.",
                "Too many wrong codes. Try again in %s minutes.",
                minutes,
            )
            % minutes
        )
    return (
        ngettext(
            "Too many wrong codes. Try again in %s second.",
            "Too many wrong codes. Try again in %s seconds.",
            seconds,
        )
        % seconds
    )


def _warn_of_few(request: HttpRequest) -> None:
    left = second_factor.recovery_codes_left(request.user)
    if left < LOWEST_OF_CODES:
        told = ngettext(
            "%s recovery code is left: make new ones.", "%s recovery codes are left: make new ones.", left
        )
        messages.warning(request, told % left)


def _told_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(request, "codes", _("Your recovery codes"), codes=codes, next=_next(request))


def _with_code(request: HttpRequest, *, do: Any, **context: Any) -> HttpResponse:
    """A page that says what will happen, and a POST that does it where the code is right."""
    device = second_factor.device_of(request.user)
    if device is None:
        return HttpResponseRedirect(reverse("admin:second_factor"))
    problem = ""
    if request.method == "POST":
        problem = _problem(request.user, device, request.POST.get("code", ""))
        if not problem:
            answer: HttpResponse = do(request)
            return answer
    return _page(request, "with_code", problem=problem, **context)


def _renew(request: HttpRequest) -> HttpResponse:
    user = _row(request.user)
    changes.note(changes.Deed.DID, request, thing=user, words="Made new recovery codes.")
    return _told_codes(request, second_factor.new_recovery_codes(user))


def _forget(request: HttpRequest) -> HttpResponse:
    user = _row(request.user)
    second_factor.turn_off(user)
    changes.note(changes.Deed.DID, request, thing=user, words="Turned the second factor off.")
    messages.success(request, _("Your second factor is off."))
    return HttpResponseRedirect(reverse("admin:second_factor"))
