"""Where mail providers report what became of our mails: `/hooks/<provider>/`, for those named in MAIL_PROVIDERS.

django-anymail reads each provider's reports and checks their signatures. Its signals are not used: its views are
taken as they are, but what they read goes to `bounces.take`.
"""

import json
from hashlib import sha256
from typing import Any

import structlog
from anymail.exceptions import AnymailConfigurationError
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailersend import MailerSendTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.mailtrap import MailtrapTrackingWebhookView
from anymail.webhooks.mandrill import MandrillCombinedWebhookView
from anymail.webhooks.postal import PostalTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from anymail.webhooks.unisender_go import UnisenderGoTrackingWebhookView
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from campaigns import bounces, returned
from campaigns.models import Bounce
from campaigns.returned import Notice
from customers.values import text

Kind = Bounce.Kind
PROVIDERS: dict[str, type[Any]] = {
    "amazon_ses": AmazonSESTrackingWebhookView,
    "brevo": BrevoTrackingWebhookView,
    "mailersend": MailerSendTrackingWebhookView,
    "mailgun": MailgunTrackingWebhookView,
    "mailjet": MailjetTrackingWebhookView,
    "mailtrap": MailtrapTrackingWebhookView,
    "mandrill": MandrillCombinedWebhookView,
    "postal": PostalTrackingWebhookView,
    "postmark": PostmarkTrackingWebhookView,
    "resend": ResendTrackingWebhookView,
    "sendgrid": SendGridTrackingWebhookView,
    "sparkpost": SparkPostTrackingWebhookView,
    "unisender_go": UnisenderGoTrackingWebhookView,
}
_KINDS = {
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.DEFERRED: Kind.DEFERRED,
    EventType.COMPLAINED: Kind.COMPLAINT,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBE,
}
_RETURNED = (EventType.BOUNCED, EventType.REJECTED, EventType.FAILED)
_REASONS = {
    RejectReason.INVALID: Kind.HARD,
    RejectReason.BOUNCED: Kind.HARD,
    RejectReason.SPAM: Kind.COMPLAINT,
    RejectReason.UNSUBSCRIBED: Kind.UNSUBSCRIBE,
}
# Several providers call a bounce for now a bounce, and say only in their own words that it is none for good.
_FOR_NOW = ('"softbounce"', '"soft_bounce"', '"soft-bounce"', '"soft"', '"transient"')
# What the providers' readers raise where a report is not what they know.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
log = structlog.get_logger()


def _refused(code: str, message: str) -> HttpResponse:
    return JsonResponse({"code": code, "message": message}, status=400)


class Taking(AnymailBaseWebhookView):  # type: ignore[misc]
    """What every provider's view becomes: checked and read as its own, then taken in by us."""

    provider = ""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            self.run_validators(request)
            read = [notice_of(self.provider, event) for event in self.parse_events(request)]
        except SuspiciousOperation as error:
            return _refused("not_proven", f"The report is not taken: {error}")
        except UNREADABLE as error:
            log.warning("a report cannot be read", provider=self.provider, reason=type(error).__name__)
            return _refused("invalid", f"This is no report of {self.provider}.")
        bounces.take([notice for notice in read if notice is not None], at=timezone.now())
        return HttpResponse()

    @property
    def is_guarded(self) -> bool:
        """By a signature or by a secret in the address. Without either anyone could have people suppressed."""
        return bool(self.basic_auth) or not self.warn_if_no_basic_auth


VIEWS: dict[str, type[Any]] = {
    name: type(f"Taking{view.__name__}", (Taking, view), {"provider": name})
    for name, view in PROVIDERS.items()
}


@csrf_exempt
def hook(request: HttpRequest, provider: str) -> HttpResponseBase:
    """One provider's reports. A provider that is not set up, or not guarded, has no address here."""
    if provider not in VIEWS or provider not in settings.MAIL_PROVIDERS:
        raise Http404
    view = VIEWS[provider]
    try:
        if not view().is_guarded:
            log.error("a mail provider's reports are not guarded", provider=provider)
            raise Http404
        answer: HttpResponseBase = view.as_view()(request)
    except AnymailConfigurationError as error:  # some say so only when a report comes
        log.error("a mail provider is not set up", provider=provider, error=str(error))
        raise Http404 from error
    return answer


def notice_of(provider: str, event: AnymailTrackingEvent) -> Notice | None:
    """None for what says nothing of a message's fate: opens, clicks and the rest, which have doors of their own."""
    raw = json.dumps(event.esp_event, default=str, sort_keys=True)
    words = " ".join(str(part) for part in (event.mta_response, event.description) if part)
    if event.event_type in _RETURNED:
        kind = _kind(event.reject_reason, words, raw)
    elif event.event_type in _KINDS:
        kind = _KINDS[event.event_type]
    else:
        return None
    told = event.event_id or sha256(raw.encode()).hexdigest()
    return Notice(
        key=text(f"{provider}:{kind}:{told}", 300),
        source=provider,
        kind=kind,
        decision_id=returned.our_message(raw),
        address=text(event.recipient, 254),
        detail=text(words, 2000),
        at=event.timestamp,
        is_signed=True,
    )


def _kind(reason: str | None, words: str, raw: str) -> str:
    """What a message that came back says of its address. The server's own codes speak before the provider's words."""
    if reason in (RejectReason.SPAM, RejectReason.UNSUBSCRIBED):
        return _REASONS[reason]
    if any(word in raw.lower() for word in _FOR_NOW):
        return Kind.SOFT
    by_code = returned.kind_of(words)
    if by_code is not None:
        return Kind.SOFT if by_code in (Kind.DEFERRED, Kind.DELIVERED) else by_code
    return _REASONS.get(reason or "", Kind.SOFT)
