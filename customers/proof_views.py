"""The public page of proof: what was signed, with which key, and whether a receipt holds. It knows nobody and stores nothing."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from customers.models import Checkpoint
from customers.proof import checkpoints, receipts, signing
from customers.views import guarded, language_for, rendered

LISTED = 20
MOST_LINES = 10_000
# A form wraps what is pasted; whatever is longer than this is not read at all.
MOST_SENT = 2 * receipts.MOST_BYTES
SCRIPT = Path(settings.BASE_DIR) / "docs" / "verify_receipt.py"


@method_decorator(csrf_exempt, name="dispatch")  # it acts on nothing, and needs no cookie
class ProofPage(View):
    """The key, the newest checkpoints, how to check a receipt, and a form that does it."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.language = language_for(request)
        with translation.override(self.language):
            return guarded(super().dispatch(request, *args, **kwargs), self.language)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        too_long = _("This is too long for a receipt: at most 64 kB.")
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_SENT:
            return self.shown(refused=too_long, status=413)
        file = request.FILES.get("file")
        sent = file.read().strip() if file else receipts.read_loosely(request.POST.get("receipt", ""))
        if len(sent) > receipts.MOST_BYTES:
            return self.shown(refused=too_long, status=413)
        if not sent:
            return self.shown(refused=_("Paste a receipt or choose its file."), status=400)
        try:
            verified = receipts.verify(sent, signing.known_keys())
        except signing.NotGenuine as error:
            return self.shown(refused=str(error))
        listed = Checkpoint.objects.filter(signature=verified.checkpoint.signature).exists()
        return self.shown(
            verified=verified,
            is_listed=listed,
            answered_at=datetime.fromisoformat(verified.record["at"]),
            signed_at=datetime.fromisoformat(verified.checkpoint.at),
        )

    def shown(self, *, status: int = 200, **context: Any) -> HttpResponse:
        rows = list(Checkpoint.objects.order_by("-pk")[:LISTED])
        return rendered(
            self.request,
            "proof",
            self.language,
            status=status,
            languages=settings.LANGUAGES,
            rows=rows,
            newest=rows[0] if rows else None,
            key=signing.public_key().hex(),
            **context,
        )


@require_safe
def checkpoint_lines(request: HttpRequest) -> HttpResponse:
    """The newest checkpoints, or those of a `?month=2026-11`, one a line, oldest first. One query."""
    rows = Checkpoint.objects.order_by("-pk")
    if asked := re.fullmatch(r"(2\d{3})-(0[1-9]|1[0-2])", request.GET.get("month", ""), re.ASCII):
        rows = rows.filter(at__year=int(asked[1]), at__month=int(asked[2]))
    lines = [checkpoints.line_of(row).text() + b"\n" for row in rows[:MOST_LINES]]
    return _file(b"".join(reversed(lines)), "checkpoints.jsonl", "application/x-ndjson")


@require_safe
def public_key(request: HttpRequest) -> HttpResponse:
    """Every key that ever signed here, the present one first, one a line."""
    present = signing.public_key()
    others = [key for key in signing.known_keys().values() if key != present]
    lines = "".join(f"{key.hex()}\n" for key in [present, *others])
    return _file(lines.encode(), "ledger.pub", "text/plain; charset=utf-8")


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    return _file(SCRIPT.read_bytes(), "verify_receipt.py", "text/x-python; charset=utf-8")


def _file(body: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(body, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
