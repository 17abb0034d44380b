"""What the privacy officer does with a demand: a page that says what will happen, and the POST that does it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, button
from customers import encryption, request_answers, request_register, request_work, requests
from customers.models import PrivacyRequest
from customers.requests import LIVING, NotPossible, State, Type


class Deeds(ReadOnly):
    """The buttons of the queue and of one demand, each shown where it would do something."""

    actions_list = ("register",)
    actions_detail = ("prove", "start", "correct", "extend", "refuse", "lift")

    def is_useful(self, name: str, row: PrivacyRequest) -> bool:
        match name:
            case "prove":
                return row.state == State.UNPROVEN
            case "start":
                return row.state in (State.OPEN, State.WORKING) and row.type != Type.RECTIFICATION
            case "correct":
                return row.state == State.OPEN and row.type == Type.RECTIFICATION
            case "extend":
                return row.state in LIVING and not row.extended_reason and row.due_at > timezone.now()
            case "refuse":
                return row.state in (State.UNPROVEN, State.OPEN) and row.type != Type.OBJECTION
            case _:
                held = row.customer is not None and row.customer.restricted_at is not None
                asked = requests.last_step(row, "restriction", "to be lifted")
                return row.type == Type.RESTRICTION and row.state == State.DONE and held and asked is None

    @button(_("Prove by hand"), path="prove", icon="badge")
    def prove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._reasoned(
            request,
            object_id,
            title=gettext("You know that it was this person?"),
            sentences=[
                gettext(
                    "Mostly the person proves it by a click in a mail. Do this only if you saw who it is in another way."
                ),
                gettext(
                    "Your name and your words stay in the evidence. Write no numbers of documents there."
                ),
            ],
            label=gettext("How you know"),
            confirm=gettext("It was this person"),
            do=lambda pk, words, by, at: request_answers.prove_by_hand(pk, how=words, by=by, at=at),
            done=gettext("It is proven and will be worked on."),
        )

    @button(_("Extend"), path="extend", icon="more_time")
    def extend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._reasoned(
            request,
            object_id,
            title=gettext("Take one more period for it?"),
            sentences=[
                gettext(
                    "The law allows it once, for hard or many requests. The person gets a mail with your words."
                ),
            ],
            label=gettext("Why it takes longer, in words the person will read"),
            confirm=gettext("Extend"),
            do=lambda pk, words, by, at: request_answers.extend(pk, reason=words, by=by, at=at),
            done=gettext("Extended. The person gets a mail."),
        )

    @button(_("Refuse"), path="refuse", icon="block")
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._reasoned(
            request,
            object_id,
            title=gettext("Refuse it?"),
            sentences=[
                gettext("This cannot be undone; the person can ask again."),
                gettext(
                    "They get a mail with your words, and are told that they may complain to the authority."
                ),
            ],
            label=gettext("Why, in words the person will read"),
            confirm=gettext("Refuse"),
            do=lambda pk, words, by, at: request_answers.refuse(pk, reason=words, by=by, at=at),
            done=gettext("Refused. The person gets a mail."),
            is_grave=True,
        )

    @button(_("Do it now"), path="start", icon="play_arrow")
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        sentences = [gettext("The scheduler would do it within a minute or so; this does it now.")]
        row = self.get_object(request, object_id)
        is_erasure = row is not None and row.type == Type.ERASURE
        if is_erasure:
            sentences = [gettext("Everything held about this person is erased. This cannot be undone.")]
        return self._confirmed(
            request,
            object_id,
            title=gettext("Do it now?"),
            sentences=sentences,
            confirm=gettext("Do it now"),
            do=lambda pk, by, at: request_work.work(pk, at=at),
            done=gettext("It is done."),
            is_grave=is_erasure,
        )

    @button(_("Lift the restriction"), path="lift", icon="lock_open")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirmed(
            request,
            object_id,
            title=gettext("Let this person's data be used again?"),
            sentences=[
                gettext(
                    "What the person allows holds again, and nothing else. They get a mail first; then it is lifted."
                ),
            ],
            confirm=gettext("Lift the restriction"),
            do=lambda pk, by, at: request_answers.ask_lifting(pk, by=by, at=at),
            done=gettext("The person is told; then it is lifted."),
        )

    @button(_("Correct"), path="correct", icon="edit")
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None or not self.is_useful("correct", row) or row.customer is None:
            return self._back(request, gettext("There is nothing to do here any more."))
        problem = ""
        if request.method == "POST":
            try:
                request_work.correct(row.pk, by=_by(request), at=timezone.now())
            except NotPossible as error:
                problem = str(error)
            else:
                self.log_change(request, row, "Corrected.")
                messages.success(request, gettext("Corrected. The person gets a mail."))
                return HttpResponseRedirect(reverse("admin:customers_privacyrequest_change", args=[row.pk]))
        held = encryption.unseal(row.customer)
        held |= {"country": row.customer.country, "time_zone": row.customer.time_zone}
        words = requests.details_of(row, row.customer)
        changes = [
            (told, held.get(name, ""), words[name])
            for name, told in requests.CORRECTABLE.items()
            if name in words
        ]
        return self.own_page(
            request,
            "admin/desk/correction.html",
            title=gettext("Correct what is held about %s?") % row.customer,
            row=row,
            changes=changes,
            note=words.get("note", ""),
            problem=problem,
        )

    @button(_("Register (CSV)"), path="register", icon="download", needs="view")
    def register(self, request: HttpRequest) -> HttpResponse:
        """All demands and what came of each; nobody's name or address."""
        answer = StreamingHttpResponse(request_register.as_csv(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="privacy-requests.csv"'
        return answer  # type: ignore[return-value]

    # --- how a button works ------------------------------------------------------------------------------------

    def _back(self, request: HttpRequest, told: str) -> HttpResponse:
        messages.info(request, told)
        return HttpResponseRedirect(reverse("admin:customers_privacyrequest_changelist"))

    def _reasoned(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        do: Callable[[Any, str, str, datetime], object],
        done: str,
        **context: Any,
    ) -> HttpResponse:
        words = request.POST.get("reason", "")
        return self._confirmed(
            request,
            object_id,
            do=lambda pk, by, at: do(pk, words, by, at),
            done=done,
            template="admin/desk/reason.html",
            given=words,
            **context,
        )

    def _confirmed(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        do: Callable[[Any, str, datetime], object],
        done: str,
        template: str = "admin/desk/confirm.html",
        **context: Any,
    ) -> HttpResponse:
        """A page that says what will happen, and the POST that does it, written down in the desk's own log."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._back(request, gettext("There is nothing to do here any more."))
        problem = ""
        if request.method == "POST":
            try:
                do(row.pk, _by(request), timezone.now())
            except NotPossible as error:
                problem = str(error)
                if "reason" not in request.POST:
                    return self._back(request, problem)
            else:
                self.log_change(request, row, done)
                messages.success(request, done)
                return HttpResponseRedirect(reverse("admin:customers_privacyrequest_change", args=[row.pk]))
        return self.own_page(request, template, row=row, problem=problem, **context)


def _by(request: HttpRequest) -> str:
    return str(request.user.get_username())
