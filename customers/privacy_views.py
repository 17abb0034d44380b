"""A person's pages of what is held: to see, to take along, receipts, and to erase."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from customers import encryption, privacy, request_work, requests
from customers.models import ConsentRecord
from customers.proof import receipts
from customers.requests import Type
from customers.views import Page, nobody


class Privacy(Page):
    """What is held: the person's own fields, how many rows of each kind, and what they answered when."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.page(
            "privacy",
            person=self.person,
            fields=encryption.unseal(self.person),
            attributes=sorted(self.person.attributes.items()),
            held=privacy.held(self.person),
            answers=privacy.answers(self.person, language=self.language),
            token=kwargs["token"],
            preferences=self.preferences_url(),
        )


class Receipt(Page):
    """One answer of the person's ledger, as a file to take along."""

    def get(self, request: HttpRequest, *, record: int, **kwargs: Any) -> HttpResponseBase:
        own = ConsentRecord.objects.filter(customer_id__in=privacy.family(self.person.pk), pk=record).first()
        if own is None:
            return nobody(request)
        response = HttpResponse(receipts.issue(own), content_type="application/json")
        response.headers["Content-Disposition"] = f'inline; filename="receipt-{record}.json"'
        return response


class Erase(Page):
    """A page that says what will be gone, a second one that asks once more, and the POST that does it."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.asked(is_sure=False)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if request.POST.get("sure") != "yes":
            return self.asked(is_sure=True)
        try:
            asked = requests.ask(
                self.person, Type.ERASURE, source="privacy page", at=self.at, proven_by=requests.BY_PAGE
            )
        except requests.NotPossible:
            return nobody(request)
        request_work.work(asked.request.pk, at=self.at)
        return self.page("erased", languages=())

    def asked(self, *, is_sure: bool) -> HttpResponse:
        going = privacy.held(self.person, without=privacy.outliving())
        return self.page("erase", held=going, is_sure=is_sure, preferences=self.preferences_url())
