"""What is read plainly is read as the serializer reads it; what the serializer refuses is never plain."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from customers import events
from customers.api.behaviour import EventInput, plainly

TEXTS = st.one_of(
    st.sampled_from(
        ["anna", "", " ", "rose ", " rose", "a" * 100, "a" * 101, "a" * 201, "\0", "\ud800", "é", "a\tb"]
    ),
    st.text(max_size=5),
    st.none(),
    st.integers(),
    st.booleans(),
)
MOMENTS = st.one_of(
    st.sampled_from(
        [
            "2026-11-26T12:00:00Z", "2026-11-26T12:00:00.5+02:00", "2026-11-26 12:00:00-05", "2026-11-26T12:00:00",
            "20261126T120000Z", "2026-W48-4T12:00:00Z", "2026-11-26", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-12:00", "2026-11-26T24:00:00Z", "2026-11-26T12:00:60Z", "noon", "2026-11-26T12:00Z",
        ]
    ),
    st.datetimes().map(lambda moment: moment.isoformat() + "+00:00"),
    st.none(),
    st.integers(),
)  # fmt: skip
BODIES = st.fixed_dictionaries(
    {"message_id": TEXTS, "type": st.sampled_from([*sorted(events.TYPES), "flew", None, 1]), "occurred_at": MOMENTS},
    optional={
        "customer": TEXTS, "anonymous_id": TEXTS, "sku": TEXTS, "order_id": TEXTS,
        "quantity": st.one_of(st.integers(-1, 10**10), st.booleans(), st.floats(), st.text(max_size=3)),
        "value": st.just("9.90"), "unknown": st.just(1),
    },
)  # fmt: skip


@given(BODIES)
def test_what_is_read_plainly_is_read_as_the_serializer_does(body: dict[str, Any]) -> None:
    found = plainly(body)
    if found is None:
        return
    try:
        told = EventInput().run_validation(body)
    except serializers.ValidationError as error:
        raise AssertionError(f"refused, and read as {found}") from error
    assert found == events.Incoming(**told)


def test_what_most_shops_send_is_plain() -> None:
    body = {
        "message_id": "m1",
        "customer": "anna",
        "type": "viewed",
        "sku": "rose",
        "occurred_at": "2026-11-26T12:00:00Z",
    }
    assert plainly(body) == events.Incoming(**EventInput().run_validation(body))
    assert plainly(body | {"quantity": 3}) is not None
    assert plainly(body | {"value": "9.90"}) is None
