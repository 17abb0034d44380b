"""The door for what people do."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api import CURRENCY
from customers import events, gpc, identities
from customers.api.caller import access, honour_gpc


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


_PLAIN = {"message_id": 100, "customer": 200, "anonymous_id": 200, "sku": 100, "order_id": 100}
_ALSO = frozenset({*_PLAIN, "type", "occurred_at", "quantity"})


def plainly(body: dict[str, Any]) -> events.Incoming | None:
    """The event where it is as plain as most are; None where only `EventInput`, which takes ten times as long, can say.

    Plain: printable ASCII without a space at an end, a whole quantity, a moment with its zone.
    """
    if not body.keys() <= _ALSO or "message_id" not in body or "occurred_at" not in body:
        return None
    for name, most in _PLAIN.items():
        value = body.get(name, "-")
        if (
            type(value) is not str
            or not 0 < len(value) <= most
            or not value.isascii()
            or not value.isprintable()
            or value[0] == " "
            or value[-1] == " "
        ):
            return None
    kind, quantity, moment = body.get("type"), body.get("quantity", 1), body["occurred_at"]
    if type(kind) is not str or kind not in events.TYPES or type(quantity) is not int:
        return None
    if not 0 <= quantity < 10**9 or type(moment) is not str:
        return None
    try:
        occurred_at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if occurred_at.tzinfo is None or not 1900 < occurred_at.year < 9999:
        return None
    rest = {name: body[name] for name in ("customer", "anonymous_id", "sku", "order_id") if name in body}
    return events.Incoming(
        message_id=body["message_id"],
        type=kind,
        occurred_at=occurred_at.astimezone(UTC),
        quantity=Decimal(quantity),
        **rest,
    )


class EventsInput(serializers.Serializer[Any]):
    batch = serializers.ListField(child=serializers.DictField(), allow_empty=False)


class RefusalOutput(serializers.Serializer[Any]):
    message_id = serializers.CharField()
    reason = serializers.CharField()


class TakenOutput(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    refused = RefusalOutput(many=True)
    soft_opt_ins = serializers.IntegerField(
        required=False, help_text="Lines of orders whose buyers may be written to about similar products"
    )
    gpc = serializers.CharField(required=False, help_text="`honoured` when the request carried Sec-GPC: 1")


class EventsView(APIView):
    scopes = {"POST": "events:write"}

    @extend_schema(
        operation_id="send_events",
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
                event = plainly(body) or events.Incoming(**reader.run_validation(body))
            except serializers.ValidationError as error:
                fields = ", ".join(sorted(cast(dict[str, Any], error.detail)))
                refused.append(events.Refusal(str(body.get("message_id", ""))[:100], f"invalid:{fields}"))
                continue
            if event.customer and not caller.speaks_for(event.customer):
                refused.append(events.Refusal(event.message_id, "customer_not_proven"))
                continue
            sound.append(event)
        honoured = bool(sound) and gpc.is_on(request)
        if honoured:
            honour_gpc(request, self._people(sound), at=at)
        for pair in {(e.anonymous_id, e.customer) for e in sound if e.anonymous_id and e.customer}:
            identities.identify(str(pair[0]), str(pair[1]), at=at)
        # One space of message ids for all keys of a kind: a key may be replaced while a shop repeats its events, and
        # no browser can claim the ids of a server's.
        taken = events.take_in(sound, source=f"api:{caller.kind}", at=at)
        answer: dict[str, Any] = {
            "accepted": taken.accepted,
            "duplicates": taken.duplicates,
            "refused": [vars_of(refusal) for refusal in [*refused, *taken.refused]],
        }
        if taken.soft_opt_ins:
            answer["soft_opt_ins"] = taken.soft_opt_ins
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
