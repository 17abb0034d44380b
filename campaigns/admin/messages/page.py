"""The desk's pages of messages: written in blocks or in source, looked at while they are written, tried out."""

from collections.abc import Mapping, Sequence
from typing import Any

from csp.decorators import csp_update
from django.contrib import admin
from django.contrib import messages as told
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from campaigns import link_checks, messages, testing
from campaigns.admin import words
from campaigns.admin.messages.begun import begun_with
from campaigns.admin.messages.blocks import OTHER, drawn
from campaigns.admin.messages.form import LINES, PARTS, BlockForm, SourceForm, trial_of
from campaigns.admin.messages.live import WhileWritten
from campaigns.admin.messages.look import LOOKS, checked, log, look
from campaigns.admin.messages.mini import mini
from campaigns.admin.messages.preview import previewed
from campaigns.admin.messages.used import chinese, linked, standing, used_in
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages.layout import FOOTER, KINDS
from campaigns.models import Message
from catalog.pages import button, shown

# The shop's own pictures stand in its mails; the sandboxed frame shows them, and nothing else is let in.
with_pictures = csp_update({"img-src": ["https:"]})


@admin.register(Message)
class MessageAdmin(WhileWritten):
    about = _(
        "A message is what a mail says. Begin with one of the ready-made ones: they are in blocks, in both languages, "
        "and every block can be changed, moved or taken out."
    )
    list_display = ("told_look", "name", "told_subject", "told_languages", "told_used", "updated_at")
    list_display_links = ("name",)
    list_filter = ("format",)
    search_fields = ("name", "slug", "subject")
    prepopulated_fields = {"slug": ("name",)}
    change_form_template = "admin/desk/message_form.html"
    actions_detail = ("preview", "test", "open_links", "duplicate", "write_source", "back_to_blocks")
    actions_row = ("duplicate",)

    class Media:
        css = {"all": ("desk/message.css",)}
        js = ("desk/message.js",)

    # --- the list ----------------------------------------------------------------------------------------------

    def prepare(self, rows: Sequence[Any]) -> None:
        found = used_in(rows)
        for row in rows:
            row.used = found[row.pk]

    @shown(_("look"))
    def told_look(self, row: Message) -> SafeString:
        return mini(row)

    @shown(_("subject, as someone made up would read it"), order="subject")
    def told_subject(self, row: Message) -> str:
        return messages.subject_of(row)

    @shown(_("languages"))
    def told_languages(self, row: Message) -> str:
        if not row.translations.get(OTHER):
            return gettext("Only the original")
        state = chinese(row)
        return gettext("Original, Chinese (%s)") % state if state else gettext("Original, Chinese")

    @shown(_("used in"))
    def told_used(self, row: Any) -> str:
        return linked(row.used)

    # --- the form ----------------------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Message | None = None) -> Any:
        """Who may only look sees the message and its translation as they are kept."""
        if obj is not None and not self.has_change_permission(request, obj):
            return (
                (None, {"fields": ("name", "slug", "format", *PARTS, "told_translation", "product_count")}),
            )
        own = ("name", "slug", "product_count")
        names = LINES if self._is_by_blocks(request, obj) else (*PARTS, "format")
        other = [f"zh_{name}" for name in names if name in PARTS]
        return ((None, {"fields": (*own, *names, *other)}),)

    def get_form(
        self, request: HttpRequest, obj: Message | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = BlockForm if self._is_by_blocks(request, obj) else SourceForm
        return super().get_form(request, obj, change, form=form, **kwargs)

    def _is_by_blocks(self, request: HttpRequest, row: Message | None) -> bool:
        if row is not None:
            return messages.layout_of(row) is not None
        if request.method == "POST":
            return "block" in request.POST
        return begun_with(request, self).get("blocks") is not None

    @shown(_("in Chinese"))
    def told_translation(self, row: Message) -> str:
        return "\n\n".join(row.translations.get(OTHER, {}).values()) or "–"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What an address says of single fields counts, of the blocks and the translation only what it begins with."""
        begun = begun_with(request, self)
        whole = {name: begun.get(name) for name in ("blocks", "translations", "seals")}
        return {**begun, **super().get_changeform_initial_data(request), **whole}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        """What to begin with is asked first."""
        if request.method == "GET" and not {"layout", "copy"} & request.GET.keys():
            if not self.has_add_permission(request):
                raise PermissionDenied
            return self.own_page(
                request,
                "admin/desk/message_begin.html",
                title=gettext("A new message: begin with…"),
                ready_made=messages.READY_MADE.values(),
                kept=request.GET.urlencode(),
                is_popup=IS_POPUP_VAR in request.GET,
            )
        page: HttpResponseBase = super().add_view(request, form_url, extra_context)
        return page

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        page = super().changeform_view(request, *args, **kwargs)
        return with_pictures(lambda _request: page)(request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> TemplateResponse:
        row, form = context.get("original"), context["adminform"].form
        may_write = row is None or self.has_change_permission(request, row)
        by_blocks = may_write and isinstance(form, BlockForm)
        trial = self._trial(request, row, form if may_write else None)
        asked = {"look_in": OTHER if (get_language() or "").startswith("zh") and trial.translations else ""}
        context |= {
            **checked(trial),
            **look(request, trial, request.POST or asked, at=timezone.now()),
            "stands": standing(row, messages.layout_of(trial) is not None) if may_write else [],
            "may_write": may_write,
            "by_blocks": by_blocks,
            "pairs": {pair.name: pair for pair in form.pairs()} if may_write else {},
            "drawn": drawn(form.layout, form.faults) if by_blocks else [],
            "colour": form.layout.colour if by_blocks else "",
            "kinds": [kind for kind in KINDS.values() if kind.name != FOOTER],
            "parted": row is not None and not by_blocks and messages.was_changed_elsewhere(row),
            "looks": LOOKS,
            "other": OTHER,
            "sees_people": words.sees_people(request),
            "addresses": testing.addresses(request.user) if may_write else [],
            "variables": messages.VARIABLES,
            "example": messages.mjml_example(),
        }
        page: TemplateResponse = super().render_change_form(request, context, *args, **kwargs)
        return page

    def _trial(self, request: HttpRequest, row: Message | None, form: Any) -> Message:
        """What the page shows first: what was sent, what is begun with, or what is kept."""
        if request.method == "POST":
            return trial_of(request.POST, row)
        if row is not None or form is None:
            return row or Message()
        first = form.initial
        trial = Message(
            **{name: first.get(name, "") for name in PARTS}, translations=first.get("translations") or {}
        )
        trial.format = first.get("format", Message.Format.HTML)
        if isinstance(form, BlockForm):
            messages.put(trial, form.layout)
        return trial

    # --- pages of a message --------------------------------------------------------------------------------------

    def has_write_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_add_permission(request))

    def is_useful(self, name: str, row: Message) -> bool:
        if name in ("test", "open_links"):
            return False  # they stand beside what is written; the pages serve whoever has no script
        if name == "write_source":
            return messages.layout_of(row) is not None
        if name == "back_to_blocks":
            return bool(row.layout.get("by_hand")) and messages.kept_layout(row) is not None
        return True

    @button(_("Preview as a person"), path="preview", icon="visibility", needs="view")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        message = self.get_object(request, object_id)
        if message is None or not words.sees_people(request):
            return _to_list()
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
            return _to_list()
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
            return _to_list()
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
                return _to(message)
        return self.own_page(
            request,
            "admin/desk/message_test.html",
            title=gettext("Test: %s") % message,
            row=message,
            addresses=addresses,
            other=OTHER,
            in_other=(get_language() or "").startswith("zh"),
        )

    @button(_("Duplicate"), path="duplicate", icon="content_copy", needs="write")
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """A new message that begins as this one; it is there once it is saved."""
        return HttpResponseRedirect(f"{reverse('admin:campaigns_message_add')}?copy={object_id}")

    @button(_("Write the source yourself"), path="source", icon="code", needs="act")
    def write_source(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        message = self.get_object(request, object_id)
        if message is None or messages.layout_of(message) is None:
            return _to_list() if message is None else _to(message)
        sentences = [
            gettext(
                "The source of this message is then yours: MJML with Liquid, as its blocks have made it."
            ),
            gettext(
                "Its blocks are set aside. You can take them up again for as long as you have not changed the source; after the first change there is no way back."
            ),
        ]
        return self._switch(request, message, is_by_hand=True, sentences=sentences)

    @button(_("Back to the blocks"), path="back", icon="view_agenda", needs="act")
    def back_to_blocks(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        message = self.get_object(request, object_id)
        if message is None or not self.is_useful("back_to_blocks", message):
            return _to_list() if message is None else _to(message)
        sentences = [gettext("The source is still what the blocks have made: nothing is lost.")]
        return self._switch(request, message, is_by_hand=False, sentences=sentences)

    def _switch(
        self, request: HttpRequest, message: Message, *, is_by_hand: bool, sentences: Sequence[str]
    ) -> HttpResponseBase:
        confirm = gettext("Write the source myself") if is_by_hand else gettext("Take the blocks up again")
        if request.method == "POST":
            messages.write_by_hand(message, is_by_hand=is_by_hand)
            message.save(update_fields=["layout", "updated_at"])
            self.log_change(request, message, [{"changed": {"fields": ["layout"]}}])
            return _to(message)
        context: Mapping[str, Any] = {"sentences": sentences, "confirm": confirm}
        return self.own_page(request, "admin/desk/confirm.html", title=str(message), row=message, **context)


def _to(message: Message) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:campaigns_message_change", args=[message.pk]))


def _to_list() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:campaigns_message_changelist"))
