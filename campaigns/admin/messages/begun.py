"""What a new message begins with: one of the ready-made ones, a copy of another, or a source to write oneself."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from campaigns import messages
from campaigns.admin.messages.blocks import OTHER
from campaigns.admin.messages.form import PARTS
from campaigns.models import Message

SOURCE = "source"


def begun_with(request: HttpRequest, page: Any) -> dict[str, Any]:
    """The form's first values; `blocks` among them where it is written in blocks."""
    if (copied := request.GET.get("copy", "")).isdecimal() and page.has_view_permission(request):
        row = Message.objects.filter(pk=int(copied)).first()
        if row is not None:
            return copy_of(row)
    name = request.GET.get("layout", "")
    if name == SOURCE:
        return {**messages.default_message(), "blocks": None}
    return _of(messages.READY_MADE.get(name) or messages.READY_MADE["announcement"])


def _of(ready: messages.ReadyMade) -> dict[str, Any]:
    subject, preheader = ready.subject, ready.preheader
    own = {"subject": subject[1], "preheader": preheader[1]} if subject[1] else {}
    return {
        "name": ready.name,
        "slug": _free(f"{ready.slug}-mail") if ready.name else "",
        "subject": subject[0],
        "preheader": preheader[0],
        "translations": {OTHER: own} if own else {},
        "blocks": ready.layout,
    }


def copy_of(row: Message) -> dict[str, Any]:
    """As the other is now, under a name and a slug of its own."""
    return {
        **{name: getattr(row, name) for name in PARTS},
        "name": _("%s (copy)") % row.name[:190],
        "slug": _free(f"{row.slug[:70].removesuffix('-copy')}-copy"),
        "format": row.format,
        "product_count": row.product_count,
        "translations": row.translations,
        "blocks": messages.layout_of(row),
        "seals": row.layout.get("seals", {}),
    }


def _free(slug: str) -> str:
    """The slug, or the first number behind it that no message has."""
    taken = set(Message.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    slugs = (slug, *(f"{slug}-{n}" for n in range(2, len(taken) + 3)))
    return next(one for one in slugs if one not in taken)
