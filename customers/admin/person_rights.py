"""What a person may demand, asked for at the desk in their name: each once, with its consequence, by the same door."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, button
from customers import encryption, request_answers, requests
from customers.admin.person_lines import how_many
from customers.models import Customer, PrivacyRequest
from customers.requests import NotPossible

Type = PrivacyRequest.Type
SOURCE = "desk"


@dataclass(frozen=True)
class Right:
    """A demand as the desk offers it. `needs_proof`: it is done only once we know that it was the person."""

    kind: str
    title: str | Promise
    consequence: tuple[str | Promise, ...]
    needs_proof: bool = True
    is_grave: bool = False


RIGHTS = {
    right.kind: right
    for right in (
        Right(
            Type.ACCESS,
            _("Give them what is held about them"),
            (_("Everything held about this person is put together, and they get a link to it by e-mail."),),
        ),
        Right(
            Type.RECTIFICATION,
            _("Correct what is held about them"),
            (_("The new words wait in the queue; whoever answers it takes them on, and the person gets a mail."),),
        ),
        Right(
            Type.OBJECTION,
            _("Object to marketing for them"),
            (
                _("They leave every campaign, segment and recommendation within a minute or so. No proof is needed."),
                _("Only the person can allow it again; nobody can do so here."),
            ),
            needs_proof=False,
            is_grave=True,
        ),
        Right(
            Type.ERASURE,
            _("Erase this person"),
            (
                _("As soon as it is certain that they themselves asked, all of it is erased within a minute or so. This cannot be undone."),
                _("What stays: the proof of what they allowed and refused, without their name, and, if they refused marketing, that their address is not written to."),
            ),
            is_grave=True,
        ),
    )
}  # fmt: skip


PAGES = {
    Type.ACCESS: "access",
    Type.RECTIFICATION: "rectify",
    Type.OBJECTION: "object_to",
    Type.ERASURE: "erase",
}


class Rights(ReadOnly):
    """The buttons of a person's page, for whoever answers what people demand."""

    actions_detail: tuple[str, ...] = ("access", "rectify", "object_to", "erase")

    def has_answer_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("customers.change_privacyrequest"))

    def rights_of(self, request: HttpRequest, customer: Customer) -> list[dict[str, Any]]:
        """What can be asked for in this person's name, by whoever answers it."""
        if customer.erased_at is not None or customer.merged_into_id is not None:
            return []
        if not self.has_answer_permission(request):
            return []
        return [
            {
                "title": RIGHTS[kind].title,
                "is_grave": RIGHTS[kind].is_grave,
                "link": reverse(f"admin:customers_customer_{page}", args=[customer.pk]),
            }
            for kind, page in PAGES.items()
        ]

    @button(_("Give access"), path="access", icon="folder_open", needs="answer")
    def access(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._demand(request, object_id, RIGHTS[Type.ACCESS])

    @button(_("Correct"), path="rectify", icon="edit", needs="answer")
    def rectify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._demand(request, object_id, RIGHTS[Type.RECTIFICATION])

    @button(_("Object"), path="object", icon="front_hand", needs="answer")
    def object_to(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._demand(request, object_id, RIGHTS[Type.OBJECTION])

    @button(_("Erase"), path="erase", icon="delete_forever", needs="answer")
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._demand(request, object_id, RIGHTS[Type.ERASURE])

    def _demand(self, request: HttpRequest, object_id: str, right: Right) -> HttpResponse:
        """GET says what follows; POST writes the demand down, and proves it where the reader says how they know."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        customer = self.get_object(request, object_id)
        if customer is None or customer.erased_at is not None:
            messages.error(request, gettext("There is nobody here any more."))
            return HttpResponseRedirect(reverse("admin:customers_customer_changelist"))
        problem, field = "", ""
        if request.method == "POST":
            try:
                row = _ask(request, customer, right)
            except NotPossible as error:
                problem, field = str(error), error.field
            else:
                self.log_change(request, customer, f"Asked for them: {right.kind}.")
                return HttpResponseRedirect(reverse("admin:customers_privacyrequest_change", args=[row.pk]))
        return self.own_page(
            request,
            "admin/desk/customer_right.html",
            title=gettext("%(right)s: %(who)s") % {"right": right.title, "who": customer},
            row=customer,
            right=right,
            sentences=_sentences(customer, right),
            fields=_fields(request, customer, field) if right.kind == Type.RECTIFICATION else [],
            note=request.POST.get("note", ""),
            known_by=request.POST.get("known_by", ""),
            problem=problem,
            wrong_field=field,
        )


def _sentences(customer: Customer, right: Right) -> list[str]:
    found = [str(sentence) for sentence in right.consequence]
    if right.kind == Type.ERASURE:
        found.insert(
            0,
            gettext("Events kept of this person: %s, with all that was decided from them.")
            % how_many(customer),
        )
    if right.needs_proof:
        found.append(
            gettext(
                "Without a proof below they get a mail and prove it themselves by a click, within seven days."
            )
        )
    return found


def _fields(request: HttpRequest, customer: Customer, wrong: str) -> list[dict[str, Any]]:
    """What can be corrected, with how it stands and what was typed."""
    try:
        held = encryption.unseal(customer)
    except encryption.Unreadable:
        held = {}
    held |= {"country": customer.country, "time_zone": customer.time_zone}
    return [
        {
            "name": name,
            "label": label,
            "hint": requests.HINTS.get(name, ""),
            "held": held.get(name, ""),
            "given": request.POST.get(name, ""),
            "is_wrong": name == wrong,
        }
        for name, label in requests.CORRECTABLE.items()
    ]


def _ask(request: HttpRequest, customer: Customer, right: Right) -> PrivacyRequest:
    """Raises NotPossible; then nothing was written."""
    at, by = timezone.now(), request.user.get_username()
    names = (*requests.CORRECTABLE, "note")
    details = {name: request.POST.get(name, "") for name in names} if right.kind == Type.RECTIFICATION else {}
    known_by = request.POST.get("known_by", "").strip()
    with transaction.atomic():
        asked = requests.ask(customer, right.kind, source=SOURCE, at=at, details=details)
        row = asked.request
        if known_by and right.needs_proof and row.state == PrivacyRequest.State.UNPROVEN:
            row = request_answers.prove_by_hand(row.pk, how=known_by, by=by, at=at)
    if not asked.is_new:
        messages.info(
            request, gettext("The same was asked for before and is under way; this is that request.")
        )
    elif row.state == PrivacyRequest.State.UNPROVEN:
        messages.success(request, gettext("Written down. The person gets a mail to prove that it was them."))
    else:
        messages.success(request, gettext("Written down and proven. It is done within a minute or so."))
    return row
