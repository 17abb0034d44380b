"""The door for people: who they are, what they did, what they allow."""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import available_timezones

from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api import CURRENCY
from catalog.imports import product_ids
from catalog.models import Review
from customers import consent, encryption, events, identities, ledger, optin, purposes
from customers.access import Access, customer_token
from customers.consent import Answer, Evidence
from customers.identities import Profile
from customers.models import ConsentRecord, Customer

# What a browser's global signal says no to (GPC: no sale, no sharing, no targeting).
GPC_PURPOSES = ("personalization", "partner_sharing")


def access(request: Request) -> Access:
    return cast(Access, request.auth)


def customer_or_404(external_id: str) -> Customer:
    """The present person of this name. Raises Http404."""
    people = Customer.objects.present().select_related("key")
    customer: Customer | None = people.filter(external_id=external_id).first()
    if customer is None:
        raise Http404(f"There is no customer {external_id!r}.")
    return customer


def speak_for(request: Request, external_id: str) -> None:
    """Raise PermissionDenied unless the key, with its token, speaks for this customer."""
    if not access(request).speaks_for(external_id):
        raise exceptions.PermissionDenied("This key and token do not speak for this customer.")


def honour_gpc(request: Request, customer_ids: Collection[int], *, at: datetime) -> bool:
    """`Sec-GPC: 1` is an opt-out, written down before anything else of the request (C13)."""
    if request.headers.get("Sec-GPC") != "1":
        return False
    consent.object_to(customer_ids, GPC_PURPOSES, method="Sec-GPC", source="api", actor="browser", at=at)
    return True


# --- customers -------------------------------------------------------------------------------------------------


def _known_zone(value: str) -> None:
    if value and value not in available_timezones():
        raise serializers.ValidationError("This is no time zone of the IANA list, such as Europe/Berlin.")


class CustomerFields(serializers.Serializer[Any]):
    """What a shop says of its customer; a field that is left out stays as it is, an empty one is cleared."""

    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = serializers.RegexField(r"^[+0-9 ()./-]*$", max_length=40, required=False, allow_blank=True)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    locale = serializers.RegexField(r"^[A-Za-z0-9_-]*$", max_length=20, required=False, allow_blank=True)
    time_zone = serializers.CharField(
        max_length=50, required=False, allow_blank=True, validators=[_known_zone], help_text="IANA name"
    )
    country = serializers.RegexField(
        r"^([A-Za-z]{2})?$", required=False, allow_blank=True, help_text="ISO 3166 alpha-2"
    )
    attributes = serializers.DictField(required=False)


class CustomerItem(CustomerFields):
    id = serializers.CharField(max_length=200)


class CustomersInput(serializers.Serializer[Any]):
    customers = CustomerItem(many=True, allow_empty=False)


class CustomerOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    name = serializers.CharField()
    locale = serializers.CharField()
    time_zone = serializers.CharField()
    country = serializers.CharField()
    attributes = serializers.DictField()


class PeopleSavedOutput(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


def shown(customer: Customer) -> dict[str, Any]:
    fields = encryption.unseal(customer)
    return {
        "id": customer.external_id,
        **{name: fields.get(name, "") for name in identities.SEALED},
        "locale": customer.locale,
        "time_zone": customer.time_zone,
        "country": customer.country,
        "attributes": customer.attributes,
    }


class CustomerView(APIView):
    scopes = {"GET": "customers:read", "PUT": "customers:write", "PATCH": "customers:write"}

    @extend_schema(operation_id="get_customer", summary="One customer", responses=CustomerOutput)
    def get(self, request: Request, external_id: str) -> Response:
        return Response(shown(customer_or_404(external_id)))

    @extend_schema(
        operation_id="put_customer",
        summary="Create or change a customer",
        request=CustomerFields,
        responses=CustomerOutput,
    )
    def put(self, request: Request, external_id: str) -> Response:
        given = CustomerItem(data={**cast(dict[str, Any], request.data), "id": external_id})
        given.is_valid(raise_exception=True)
        saved = identities.save_profiles([Profile(**given.validated_data)])
        return Response(shown(customer_or_404(external_id)), status=201 if saved.created else 200)

    @extend_schema(
        operation_id="patch_customer",
        summary="Change a customer that exists",
        request=CustomerFields,
        responses=CustomerOutput,
    )
    def patch(self, request: Request, external_id: str) -> Response:
        customer_or_404(external_id)
        return self.put(request, external_id)


class CustomersBulkView(APIView):
    scopes = {"POST": "customers:write"}

    @extend_schema(
        operation_id="put_customers",
        summary="Create or change up to 1,000 customers, all or none",
        request=CustomersInput,
        responses=PeopleSavedOutput,
    )
    def post(self, request: Request) -> Response:
        given = CustomersInput(data=request.data)
        given.is_valid(raise_exception=True)
        profiles = [Profile(**customer) for customer in given.validated_data["customers"]]
        return Response(PeopleSavedOutput(identities.save_profiles(profiles)).data)


class TokenInput(serializers.Serializer[Any]):
    seconds = serializers.IntegerField(min_value=1, max_value=3600, default=3600)


class TokenOutput(serializers.Serializer[Any]):
    customer_token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class CustomerTokenView(APIView):
    scopes = {"POST": "customers:write"}

    @extend_schema(
        operation_id="create_customer_token",
        summary="A token with which a browser's key proves this customer, for an hour at most",
        request=TokenInput,
        responses=TokenOutput,
    )
    def post(self, request: Request, external_id: str) -> Response:
        given = TokenInput(data=request.data)
        given.is_valid(raise_exception=True)
        customer_or_404(external_id)
        lasts = timedelta(seconds=given.validated_data["seconds"])
        token, expires = customer_token(external_id, at=timezone.now(), lasts=lasts)
        return Response({"customer_token": token, "expires_at": expires})


# --- events ------------------------------------------------------------------------------------------------------


class EventInput(serializers.Serializer[Any]):
    """Something a person did. `value` is the line's money, not the unit price."""

    message_id = serializers.CharField(max_length=100)
    customer = serializers.CharField(max_length=200, required=False, allow_null=True)
    anonymous_id = serializers.CharField(max_length=200, required=False, allow_null=True)
    type = serializers.ChoiceField(choices=sorted(events.TYPES))
    sku = serializers.CharField(max_length=100, required=False, allow_null=True)
    quantity = serializers.DecimalField(
        max_digits=12, decimal_places=3, min_value=Decimal(0), default=Decimal(1)
    )
    value = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True)
    currency = serializers.RegexField(CURRENCY, required=False)
    order_id = serializers.CharField(max_length=100, required=False)
    occurred_at = serializers.DateTimeField()
    context = serializers.DictField(required=False)  # type: ignore[assignment]


class EventsInput(serializers.Serializer[Any]):
    batch = serializers.ListField(child=serializers.DictField(), allow_empty=False)


class RefusalOutput(serializers.Serializer[Any]):
    message_id = serializers.CharField()
    reason = serializers.CharField()


class TakenOutput(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    refused = RefusalOutput(many=True)
    gpc = serializers.CharField(required=False, help_text="`honoured` when the request carried Sec-GPC: 1")


class EventsView(APIView):
    scopes = {"POST": "events:write"}

    @extend_schema(
        operation_id="post_events",
        summary="One event, or up to 1,000 in a batch; each is kept once",
        request=PolymorphicProxySerializer(
            component_name="EventOrBatch",
            serializers=[EventInput, EventsInput],
            resource_type_field_name=None,
        ),
        responses=TakenOutput,
    )
    def post(self, request: Request) -> Response:
        """A sound event of a batch is kept even when its neighbour is refused; each refusal says why."""
        at = timezone.now()
        if "batch" in request.data:
            outer = EventsInput(data=request.data)
            outer.is_valid(raise_exception=True)
            raw = outer.validated_data["batch"]
        else:
            EventInput(data=request.data).is_valid(raise_exception=True)
            raw = [request.data]
        sound: list[events.Incoming] = []
        refused: list[events.Refusal] = []
        caller = access(request)
        reader = EventInput()
        for body in raw:
            try:
                event = events.Incoming(**reader.run_validation(body))
            except serializers.ValidationError as error:
                fields = ", ".join(sorted(cast(dict[str, Any], error.detail)))
                refused.append(events.Refusal(str(body.get("message_id", ""))[:100], f"invalid:{fields}"))
                continue
            if event.customer and not caller.speaks_for(event.customer):
                refused.append(events.Refusal(event.message_id, "customer_not_proven"))
                continue
            sound.append(event)
        honoured = honour_gpc(request, self._people(sound), at=at) if sound else False
        for pair in {(e.anonymous_id, e.customer) for e in sound if e.anonymous_id and e.customer}:
            identities.identify(str(pair[0]), str(pair[1]), at=at)
        # One space of message ids for all keys of a kind: a key may be replaced while a shop repeats its events, and
        # no browser can claim the ids of a server's.
        taken = events.take_in(sound, source=f"api:{caller.kind}", at=at)
        answer = {
            "accepted": taken.accepted,
            "duplicates": taken.duplicates,
            "refused": [vars_of(refusal) for refusal in [*refused, *taken.refused]],
        }
        return Response(answer | ({"gpc": "honoured"} if honoured else {}))

    @staticmethod
    def _people(sound: list[events.Incoming]) -> set[int]:
        known = identities.find_or_create({e.customer for e in sound if e.customer})
        visitors = identities.find_or_create(
            {e.anonymous_id for e in sound if e.anonymous_id and not e.customer}, "anonymous"
        )
        return {*known.values(), *visitors.values()}


def vars_of(refusal: events.Refusal) -> dict[str, str]:
    return {"message_id": refusal.message_id, "reason": refusal.reason}


class ReviewInput(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=200)
    sku = serializers.CharField(max_length=100)
    rating = serializers.IntegerField(min_value=1, max_value=5)
    text = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    title = serializers.CharField(max_length=300, allow_blank=True, default="")
    locale = serializers.CharField(max_length=20, allow_blank=True, default="")
    message_id = serializers.CharField(
        max_length=100, required=False, help_text="Left out: one review a customer and product, the newest."
    )


class ReviewOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    sentiment = serializers.FloatField(
        allow_null=True, help_text="Probability that it is favourable; null until a sentiment model is live."
    )


class ReviewsView(APIView):
    scopes = {"POST": "customers:write"}

    @extend_schema(
        operation_id="post_review", summary="A customer's review", request=ReviewInput, responses=ReviewOutput
    )
    def post(self, request: Request) -> Response:
        given = ReviewInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        author = customer_or_404(said["customer"])
        product = product_ids([said["sku"]]).get(said["sku"])
        if product is None:
            raise Http404(f"There is no product {said['sku']!r}.")
        review, created = Review.objects.update_or_create(
            source="api",
            message_id=said.get("message_id") or f"{author.pk}:{product}",
            defaults={
                "product_id": product,
                "author_id": author.pk,
                "written_at": timezone.now(),
                **{name: said[name] for name in ("rating", "text", "title", "locale")},
            },
        )
        return Response({"id": review.pk, "sentiment": review.sentiment}, status=201 if created else 200)


# --- consents ------------------------------------------------------------------------------------------------------


class ConsentInput(serializers.Serializer[Any]):
    """An answer. A grant needs its evidence: the notice shown (`slug@version`), its language, method and source."""

    purpose = serializers.ChoiceField(choices=list(purposes.PURPOSES))
    granted = serializers.BooleanField()
    notice = serializers.CharField(max_length=80, allow_blank=True, default="")
    language = serializers.CharField(max_length=20, allow_blank=True, default="")
    method = serializers.CharField(max_length=50)
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]


class ConsentItem(ConsentInput):
    customer = serializers.CharField(max_length=200)


class ConsentsInput(serializers.Serializer[Any]):
    answers = ConsentItem(many=True, allow_empty=False)


class WrittenOutput(serializers.Serializer[Any]):
    written = serializers.IntegerField()


class ConsentOutput(serializers.Serializer[Any]):
    """The effective answer and what it rests on."""

    purpose = serializers.CharField()
    granted = serializers.BooleanField()
    basis = serializers.CharField(help_text="`consent`, `default` of the jurisdiction, or empty")
    record = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class RecordOutput(serializers.Serializer[ConsentRecord]):
    """One line of the ledger. `hash` covers every field and `previous_hash`."""

    record = serializers.IntegerField(source="pk")
    sequence = serializers.IntegerField()
    purpose = serializers.CharField()
    granted = serializers.BooleanField()
    notice = serializers.CharField()
    notice_sha256 = serializers.CharField()
    language = serializers.CharField()
    method = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    actor = serializers.CharField()
    at = serializers.DateTimeField()
    commitment = serializers.CharField()
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


def actor_of(request: Request) -> str:
    caller = access(request)
    return f"key {caller.key_id}" if caller.is_secret else "customer"


def answer_of(customer_id: int, said: dict[str, Any], actor: str) -> Answer:
    evidence = Evidence(said["notice"], said["language"], said["method"], said["source"], actor)
    return Answer(customer_id, said["purpose"], said["granted"], evidence)


class ConsentsView(APIView):
    scopes = {"GET": "consents:read", "POST": "consents:write"}

    @extend_schema(
        operation_id="get_consents",
        summary="What the customer allows now, purpose by purpose",
        responses=ConsentOutput(many=True),
    )
    def get(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        customer = customer_or_404(external_id)
        rows = []
        for purpose in purposes.PURPOSES:
            verdict = consent.verdicts([customer.pk], purpose)[customer.pk]
            rows.append(
                {
                    "purpose": purpose,
                    "granted": verdict.allowed,
                    "basis": verdict.basis,
                    "record": verdict.record_id,
                    "reason": verdict.reason,
                }
            )
        return Response(rows)

    @extend_schema(
        operation_id="post_consent",
        summary="The customer says yes or no to a purpose",
        request=ConsentInput,
        responses={201: RecordOutput},
    )
    def post(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        given = ConsentInput(data=request.data)
        given.is_valid(raise_exception=True)
        customer = customer_or_404(external_id)
        said = answer_of(customer.pk, given.validated_data, actor_of(request))
        (record,) = consent.record([said], at=timezone.now())
        return Response(RecordOutput(record).data, status=201)


class ConsentsBulkView(APIView):
    scopes = {"POST": "consents:write"}

    @extend_schema(
        operation_id="post_consents",
        summary="Up to 1,000 answers of many customers, all or none (for a server's key)",
        request=ConsentsInput,
        responses={201: WrittenOutput},
    )
    def post(self, request: Request) -> Response:
        if not access(request).is_secret:
            raise exceptions.PermissionDenied("Only a secret key speaks for many customers.")
        given = ConsentsInput(data=request.data)
        given.is_valid(raise_exception=True)
        answers = given.validated_data["answers"]
        ids = identities.find([answer["customer"] for answer in answers])
        if unknown := sorted({answer["customer"] for answer in answers} - ids.keys()):
            raise Http404(f"There is no customer {unknown[0]!r}; nothing was written.")
        actor = actor_of(request)
        rows = [answer_of(ids[answer["customer"]], answer, actor) for answer in answers]
        try:
            written = consent.record(rows, at=timezone.now())
        except Customer.DoesNotExist as error:
            raise Http404("One of these customers was erased; nothing was written.") from error
        return Response({"written": len(written)}, status=201)


class AskInput(serializers.Serializer[Any]):
    """A yes that waits until the customer confirms it from their own mailbox (double opt-in)."""

    purpose = serializers.ChoiceField(choices=list(purposes.PURPOSES))
    notice = serializers.CharField(max_length=80, allow_blank=True, default="")
    language = serializers.CharField(max_length=20, default="en")
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]


class AskedOutput(serializers.Serializer[Any]):
    purpose = serializers.CharField()
    asked_by_mail = serializers.BooleanField(help_text="false: the mail leaves within a minute or so")
    expires_at = serializers.DateTimeField()


class AskConsentView(APIView):
    scopes = {"POST": "consents:write"}

    @extend_schema(
        operation_id="ask_consent",
        summary="Ask by mail for a confirmation; nothing is allowed until the customer gives it",
        request=AskInput,
        responses={202: AskedOutput},
    )
    def post(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        given = AskInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        customer = customer_or_404(external_id)
        try:
            pending = optin.ask(customer, at=timezone.now(), **said)
        except (optin.NotAskable, purposes.UnknownNotice) as error:
            raise consent.NoEvidence(str(error)) from error
        answer = {
            "purpose": pending.purpose,
            "asked_by_mail": pending.asked_at is not None,
            "expires_at": pending.expires_at,
        }
        return Response(answer, status=202)


class HistoryPage(CursorPagination):
    ordering = "-sequence"
    page_size = 100


class ConsentHistoryView(APIView):
    scopes = {"GET": "consents:read"}

    @extend_schema(
        operation_id="get_consent_history",
        summary="Every answer of the customer, newest first, with the chain's hashes",
        responses=RecordOutput(many=True),
    )
    def get(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        records = ConsentRecord.objects.filter(customer_id=customer_or_404(external_id).pk)
        pages = HistoryPage()
        page = pages.paginate_queryset(records, request, view=self)
        return pages.get_paginated_response(RecordOutput(cast(Any, page), many=True).data)


class ReceiptOutput(RecordOutput):
    text = serializers.CharField(help_text="The exact text that was shown; empty for a withdrawal")
    whole = serializers.BooleanField(help_text="The hash was recomputed and fits")


class ReceiptView(APIView):
    scopes = {"GET": "consents:read"}

    @extend_schema(
        operation_id="get_consent_receipt",
        summary="One answer with the text that was shown, recomputed",
        responses=ReceiptOutput,
    )
    def get(self, request: Request, external_id: str, record: int) -> Response:
        speak_for(request, external_id)
        owner = Q(customer_id=customer_or_404(external_id).pk)
        row = ConsentRecord.objects.filter(owner, pk=record).first()
        if row is None:
            raise Http404("This customer has no such record.")
        text = purposes.find_notice(row.notice, row.language, row.purpose).text if row.granted else ""
        whole = ledger.record_hash(row) == row.hash
        return Response({**RecordOutput(row).data, "text": text, "whole": whole})


class PurposeOutput(serializers.Serializer[Any]):
    purpose = serializers.CharField()
    notice = serializers.CharField(help_text="`slug@version`, to be sent back as evidence")
    language = serializers.CharField()
    text = serializers.CharField()


class PurposesView(APIView):
    scopes = {"GET": "consents:read"}

    @extend_schema(
        operation_id="get_purposes",
        summary="What can be asked of a customer, with the newest text in each language",
        responses=PurposeOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        shown_texts = [
            purposes.current_notice(slug, language)
            for slug in purposes.PURPOSES
            for language in ("en", "zh-hans")
        ]
        return Response(PurposeOutput(shown_texts, many=True).data)
