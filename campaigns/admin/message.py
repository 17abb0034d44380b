"""The desk's pages of messages: checked while they are written, shown as a real person would get them, tried out."""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from csp.decorators import csp_update
from django.contrib import admin
from django.contrib import messages as told
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from campaigns import journeys, link_checks, messages, previews, testing
from campaigns.admin.message_form import OTHER, PARTS, MessageForm, field_of, translations_of
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.models import Campaign, Message
from catalog.pages import Page, button, shown
from customers import encryption
from customers.models import Customer

VIEWS = {
    "desktop": _("On a desktop"),
    "phone": _("On a phone"),
    "dark": _("In the dark"),
    "text": _("Only text"),
    "source": _("Its source"),
}
_DARK = re.compile(r"\(prefers-color-scheme:\s*dark\)")
log = structlog.get_logger()
with_pictures = csp_update({"img-src": ["https:"]})


@admin.register(Message)
class MessageAdmin(Page):
    form = MessageForm
    about = _("A message is what a mail says. A new one begins with a good example in both languages.")
    list_display = ("name", "slug", "format", "subject", "updated_at")
    list_filter = ("format",)
    search_fields = ("name", "slug", "subject")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": (("name", "slug"), ("format", "product_count"))}),
        (
            _("Words, beside their translation"),
            {
                "fields": tuple((name, f"zh_{name}") for name in PARTS),
                "description": _(
                    "HTML or MJML with Liquid. Whatever a person may lack needs a default; what may be used is listed "
                    "below. The way out and the postal address stand under every mail by themselves."
                ),
            },
        ),
    )
    # Labels above their fields: two languages side by side need the width.
    compressed_fields = False
    change_form_after_template = "admin/desk/message_beside.html"
    actions_detail = ("preview", "test", "open_links")

    class Media:
        js = ("desk/message.js",)

    def get_fieldsets(self, request: HttpRequest, obj: Message | None = None) -> Any:
        """Who may only look sees the translation as it is kept."""
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return ((None, {"fields": ("name", "slug", "format", *PARTS, "told_translation", "product_count")}),)

    @shown(_("in Chinese"))
    def told_translation(self, row: Message) -> str:
        return "\n\n".join(row.translations.get(OTHER, {}).values()) or "–"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.check_view))
        own = [path("check/", view, name="campaigns_message_check")]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new message begins with a good first one in both languages."""
        return {**messages.default_message(), **super().get_changeform_initial_data(request)}

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The shop's own pictures stand in its mails; the sandboxed frame shows them, and nothing else is let in.
        page = super().changeform_view(request, *args, **kwargs)
        return with_pictures(lambda _request: page)(request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> TemplateResponse:
        row = context.get("original") or Message(**_without_name(messages.default_message()))
        context |= {**checked(row), "variables": messages.VARIABLES, "example": messages.mjml_example()}
        page: TemplateResponse = super().render_change_form(request, context, *args, **kwargs)
        return page

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """What is wrong with what is being written, what could be better, and how it looks."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        sent = request.POST
        trial = Message(
            **{name: sent.get(name, "") for name in PARTS},
            format=sent.get("format", Message.Format.HTML),
            product_count=int(count) if (count := sent.get("product_count", "")).isdecimal() else 4,
            translations=translations_of(sent),
        )
        return TemplateResponse(request, "admin/desk/message_check.html", checked(trial))

    @button(_("Preview as a person"), path="preview", icon="visibility", needs="view")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        message = self.get_object(request, object_id)
        if message is None or not request.user.has_perm("customers.view_customer"):
            return HttpResponseRedirect(reverse("admin:campaigns_message_changelist"))
        about = previewed(message, request.GET)
        if (customer := about["customer"]) is not None:
            log.info("a person was looked at", message=message.pk, customer=customer.pk, by=request.user.pk)
        page = self.own_page(
            request, "admin/desk/preview.html", title=gettext("Preview: %s") % message, row=message, **about
        )
        return with_pictures(lambda _request: page)(request)

    @button(_("Open its links"), path="links", icon="link", needs="act")
    def open_links(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        message = self.get_object(request, object_id)
        if message is None:
            return HttpResponseRedirect(reverse("admin:campaigns_message_changelist"))
        opened, wrong = None, ""
        if request.method == "POST":
            try:
                opened = link_checks.open_links(message, at=timezone.now())
            except (TemplateFailed, Aborted) as failed:
                wrong = str(failed)
        return self.own_page(
            request,
            "admin/desk/message_links.html",
            title=gettext("Links: %s") % message,
            row=message,
            opened=opened,
            wrong=wrong,
        )

    @button(_("Send a test to yourself"), path="test", icon="outgoing_mail", needs="act")
    def test(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        message = self.get_object(request, object_id)
        if message is None:
            return HttpResponseRedirect(reverse("admin:campaigns_message_changelist"))
        addresses = testing.addresses(request.user)
        if request.method == "POST":
            to = request.POST.get("to", "")
            language = OTHER if request.POST.get("language") == OTHER else "en"
            try:
                testing.send(message, to=to, by=request.user, language=language, at=timezone.now())
            except testing.NotSent as failed:
                told.error(request, str(failed))
            else:
                told.success(request, gettext("A test is on its way to %s.") % to)
                return HttpResponseRedirect(reverse("admin:campaigns_message_change", args=[message.pk]))
        return self.own_page(
            request,
            "admin/desk/message_test.html",
            title=gettext("Test: %s") % message,
            row=message,
            addresses=addresses,
            other=OTHER,
            in_other=(get_language() or "").startswith("zh"),
        )


def _without_name(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "name"}


def checked(message: Message) -> dict[str, Any]:
    """Problems and hints with the field each stands in, and the message as someone made up would get it."""
    problems = [(problem, field_of(problem.part) or "body") for problem in messages.check(message)]
    looks, wrong = None, ""
    try:
        language = "zh-hans" if (get_language() or "").startswith("zh") and message.translations else "en"
        looks = previews.made_up(message, language=language, at=timezone.now())
    except (TemplateFailed, Aborted) as failed:
        wrong = str(failed)
    hints = [(hint, field_of(hint.part) or "body") for hint in messages.hints(message)]
    return {"problems_found": problems, "hints": hints, "shown": looks, "shown_wrong": wrong}


def previewed(message: Message, asked: Mapping[str, str]) -> dict[str, Any]:
    """The page of a message as one person would get it; without a name the newest who allows it."""
    at = timezone.now()
    named = asked.get("customer", "").strip()
    samples = previews.sample_people(at=at)
    customer = _person(named) if named else next(iter(samples), None) or _newest()
    campaigns = [*_campaigns(message)[:20], *journeys.saying(message)[:20]]
    campaign = next((row for row in campaigns if str(row.pk) == asked.get("campaign")), None)
    if campaign is None and "campaign" not in asked:
        campaign = next(iter(campaigns), None)
    view = asked.get("view", "")
    language = asked.get("language", "")
    context: dict[str, Any] = {
        "named": named or (customer.external_id if customer else ""),
        "customer": customer,
        "samples": samples,
        "campaigns": campaigns,
        "campaign": campaign,
        "views": VIEWS,
        "view": view if view in VIEWS else "desktop",
        "language": language if language in messages.LANGUAGES else "",
        "finished": None,
        "wrong": "",
    }
    if customer is None:
        wrong = (
            gettext("Nobody is known as “%s”.") % named if named else gettext("There is nobody yet to show.")
        )
        return {**context, "wrong": wrong}
    if context["language"]:
        customer.locale = context["language"]  # only looked at, never saved
    found = previews.preview(message, customer, at=at, campaign=campaign)
    wrong = gettext("This person would get no message: %s") % found.wrong if found.wrong else ""
    # The frame follows the reader's own scheme: which one is looked at is said here instead.
    html = found.finished.html if found.finished else ""
    html = _DARK.sub("(min-width: 0)" if context["view"] == "dark" else "(max-width: 0)", html)
    return {**context, "found": found, "finished": found.finished, "framed": html, "wrong": wrong}


def _campaigns(message: Message) -> QuerySet[Campaign]:
    """Those that say it themselves; a journey says it in its steps."""
    mine = Q(message=message) | Q(variants__message=message)
    rows = Campaign.objects.filter(mine, channel=Campaign.Channel.EMAIL).exclude(kind=Campaign.Kind.JOURNEY)
    return rows.distinct().order_by("-pk")


def _newest() -> Customer | None:
    people = Customer.objects.present().select_related("key").exclude(email_index="")
    newest: Customer | None = people.order_by("-pk").first()
    return newest


def _person(named: str) -> Customer | None:
    """By the shop's own id or the exact e-mail address."""
    indexes = encryption.blind_indexes("email", named)
    people = Customer.objects.present().select_related("key")
    found: Customer | None = people.filter(Q(external_id=named) | Q(email_index__in=indexes)).first()
    return found
