"""Codes: pools, checkouts that hold them, the till, and who else tried."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from campaigns import codes
from campaigns.codes import AlreadyUsed, InvalidFile, NoCodeLeft, NotRedeemable
from campaigns.models import CapCount, Code, CodeBatch, CodeMisuse, Decision, Offer, OfferCap, Redemption
from customers.models import Customer, Event
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW, Caller, person

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def order(order_id: str = "o1", *, amount: int = 100, customer: int | None = None, at=NOW) -> dict:
    ask = {"order_id": order_id, "amount": Decimal(amount), "currency": "EUR"}
    return {**ask, "customer_id": customer, "at": at}


def code_of(who: Customer, *, at=NOW, **fields: object) -> Code:
    """Lapses a month later: for the API, whose clock is the real one, it is given by that."""
    row = Offer.objects.filter(slug="ten").first() or offer("ten", **fields)
    return codes.assign(row, [who.pk], at=at)[who.pk]


# --- pools -----------------------------------------------------------------------------------------------------------


def pool(**fields: object) -> Offer:
    return offer("pool", code_kind="pool", **fields)


def test_generated_codes_are_free_and_all_different() -> None:
    batch = codes.generate(pool(code_prefix="spring"), 1500, by="marta", at=NOW)
    rows = Code.objects.filter(batch=batch, state="free", customer__isnull=True)
    assert (rows.count(), batch.count, batch.origin, batch.created_by) == (1500, 1500, "generated", "marta")
    assert {value[:7] for value in rows.values_list("value", flat=True)} == {"SPRING-"}
    for count in (0, codes.pools.MOST_AT_ONCE + 1):
        with pytest.raises(ValueError, match="1 to 1,000,000"):
            codes.generate(batch.offer, count, by="marta", at=NOW)


def test_a_file_is_brought_in_whole() -> None:
    row = pool()
    lines = ["\ufeffcode,note\n", "abc-1,first\n", "\n", " abc-2 ,\n", '"ABC-3"\n']
    tried = codes.import_file(row, iter(lines), name="c.csv", by="marta", at=NOW, dry_run=True)
    assert (tried.count, tried.batch, Code.objects.count(), CodeBatch.objects.count()) == (3, None, 0, 0)
    done = codes.import_file(row, iter(lines), name="c.csv", by="marta", at=NOW, expires_at=NOW + MINUTE)
    assert (done.count, done.batch.count, done.batch.name) == (3, 3, "c.csv")
    assert sorted(Code.objects.values_list("value", flat=True)) == ["ABC-1", "ABC-2", "ABC-3"]
    assert set(Code.objects.values_list("expires_at", flat=True)) == {NOW + MINUTE}


def test_a_file_with_a_line_at_fault_brings_nothing_in_and_names_it(monkeypatch) -> None:
    row = pool()
    monkeypatch.setattr(codes.pools, "PAGE", 2)
    Code.objects.create(offer=row, value="OLD", state="redeemed")
    lines = ["a\n", "b\n", "A\n", "old\n", "with space\n", "b\n", "x" * 41 + "\n"]
    with pytest.raises(InvalidFile, match="5 lines") as refused:
        codes.import_file(row, lines, name="c.csv", by="marta", at=NOW)
    assert [(one.line, one.told.split()[0]) for one in refused.value.problems] == [
        (3, "stands"), (4, "is"), (5, "no"), (6, "stands"), (7, "no"),
    ]  # fmt: skip
    assert (Code.objects.count(), CodeBatch.objects.count()) == (1, 0)


def test_s4_a_file_is_bounded_and_must_hold_codes(monkeypatch) -> None:
    monkeypatch.setattr(codes.pools, "MOST_BYTES", 10)

    def endless() -> Iterator[str]:
        n = 0
        while True:
            yield f"{(n := n + 1)}\n"

    with pytest.raises(InvalidFile, match="100 MB"):
        codes.import_file(pool(), endless(), name="c.csv", by="marta", at=NOW)
    with pytest.raises(InvalidFile, match="no code"):
        codes.import_file(Offer.objects.get(), ["code\n", "\n"], name="c.csv", by="marta", at=NOW)
    assert CodeBatch.objects.count() == 0


def test_a_pool_gives_each_person_one_of_its_codes_and_always_the_same() -> None:
    ids, row = people(3), pool()
    codes.generate(row, 2, by="marta", at=NOW, expires_at=NOW + timedelta(days=10))
    first = codes.assign(row, ids[:2], at=NOW)
    assert {code.state for code in first.values()} == {"assigned"}
    assert {code.expires_at for code in first.values()} == {
        NOW + timedelta(days=10)
    }  # its batch's end, not 30 days
    assert codes.assign(row, ids[:2], at=NOW) == first
    with pytest.raises(NoCodeLeft):
        codes.assign(row, ids, at=NOW)
    assert Code.objects.filter(customer_id=ids[2]).count() == 0


def test_low_stock_tells_how_long_the_pool_will_last() -> None:
    row, ids = pool(low_stock_at=10), people(7)
    codes.generate(row, 17, by="marta", at=NOW)
    codes.assign(row, ids, at=NOW)
    (low,) = codes.low_stock(at=NOW + timedelta(hours=1))
    assert (low.offer, low.free, low.a_day, low.days_left) == (row, 10, 1.0, 10.0)
    codes.generate(row, 1, by="marta", at=NOW)
    assert codes.low_stock(at=NOW) == []
    Offer.objects.update(low_stock_at=11, status="archived")
    assert codes.low_stock(at=NOW) == []


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_code_whose_time_is_over_expires_and_frees_what_was_set_aside(anna: Customer) -> None:
    code = code_of(anna, benefit="amount", value=10, budget=Decimal(50))
    Offer.objects.update(discount_reserved=10)
    Decision.objects.create(
        customer=anna, placement="email", offer=code.offer, code=code, set_aside=10, purpose="marketing_email",
        basis="default", decided_at=NOW,
    )  # fmt: skip
    end = NOW + timedelta(days=30)
    assert codes.expire(at=end - MINUTE) == 0
    assert (codes.expire(at=end), codes.expire(at=end)) == (1, 0)
    code.refresh_from_db()
    assert (code.state, Offer.objects.get().discount_reserved, Decision.objects.get().set_aside) == (
        "expired",
        Decimal(0),
        Decimal(0),
    )
    again = codes.assign(code.offer, [anna.pk], at=end)[anna.pk]
    assert (again.pk, again.state, again.expires_at) == (code.pk, "assigned", end + timedelta(days=30))


# --- the till --------------------------------------------------------------------------------------------------------


def test_a_checkout_holds_a_code_for_fifteen_minutes(anna: Customer) -> None:
    value = code_of(anna).value
    held = codes.reserve(value, **order("o1"))
    assert (held.discount, held.code.reserved_until) == (Decimal(10), NOW + 15 * MINUTE)
    for act in (codes.reserve, codes.validate, codes.redeem):
        with pytest.raises(AlreadyUsed):
            act(value, **order("o2", at=NOW + 14 * MINUTE))
    assert codes.reserve(value, **order("o1", at=NOW + 5 * MINUTE)).code.reserved_until == NOW + 20 * MINUTE
    assert codes.validate(value, **order("o1")).discount == 10
    # Late: another order may have it, though no job has freed it.
    late = codes.reserve(value, **order("o2", at=NOW + 20 * MINUTE))
    assert late.code.reserved_for == "o2"
    with pytest.raises(AlreadyUsed):
        codes.redeem(value, **order("o1", at=NOW + 21 * MINUTE))
    assert Redemption.objects.count() == 0
    codes.redeem(value, **order("o2", at=NOW + 21 * MINUTE))
    assert Redemption.objects.get().order_id == "o2"
    assert codes.reserve(value, **order("o2", at=NOW + 22 * MINUTE)).discount == 10  # it has used it already


def test_reservations_free_themselves(anna: Customer) -> None:
    codes.reserve(code_of(anna).value, **order())
    assert codes.free_reservations(at=NOW + 14 * MINUTE) == 0
    assert codes.free_reservations(at=NOW + 15 * MINUTE) == 1
    row = Code.objects.get()
    assert (row.state, row.reserved_for, row.reserved_until) == ("assigned", "", None)


def test_no_more_is_taken_off_than_the_offer_s_most(anna: Customer) -> None:
    value = code_of(anna, max_discount=Decimal("7.50")).value
    assert codes.validate(value, **order(amount=1000)).discount == Decimal("7.50")


def test_what_was_set_aside_makes_way_for_what_is_taken_off(anna: Customer, boris: Customer) -> None:
    code = code_of(anna, max_discount=Decimal(10), budget=Decimal(12))
    other = code_of(boris)
    Offer.objects.update(discount_reserved=10)
    decision = Decision.objects.create(
        customer=anna, placement="email", offer=code.offer, code=code, set_aside=10, purpose="marketing_email",
        basis="default", decided_at=NOW,
    )  # fmt: skip
    with pytest.raises(NotRedeemable, match="budget"):
        codes.redeem(other.value, **order("b", amount=50))  # 5, and only 2 are neither spent nor set aside
    other.refresh_from_db()
    assert other.state == "assigned"
    assert codes.redeem(code.value, **order("a", amount=80)).discount == 8
    row = Offer.objects.get()
    decision.refresh_from_db()
    assert (row.discount_given, row.discount_reserved, decision.set_aside) == (
        Decimal(8),
        Decimal(0),
        Decimal(0),
    )
    assert codes.redeem(other.value, **order("b", amount=40)).discount == 4


@pytest.mark.parametrize("scope", ["total", "customer"])
def test_a_cap_on_uses_is_held_at_the_till(anna: Customer, boris: Customer, scope: str) -> None:
    first, second = code_of(anna), code_of(boris)
    OfferCap.objects.create(offer=first.offer, event="redeemed", scope=scope, most=1, every_days=7)
    codes.redeem(first.value, **order("a"))
    if scope == "total":
        with pytest.raises(NotRedeemable) as refused:
            codes.redeem(second.value, **order("b"))
        assert refused.value.code == "limit_reached"
        codes.reverse(first.value, order_id="a", at=NOW)
        assert CapCount.objects.get().used == 0
    codes.redeem(second.value, **order("b"))
    assert Redemption.objects.filter(reversed_at__isnull=True).count() == (1 if scope == "total" else 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_order", [False, True])
def test_r5_two_hundred_tills_at_once_use_a_code_once(anna: Customer, same_order: bool) -> None:
    code = code_of(anna, benefit="amount", value=5, budget=Decimal(1000))
    gate, answers = threading.Barrier(20), []

    def till(n: int) -> None:
        gate.wait()
        for turn in range(10):
            order_id = "o" if same_order else f"o{n}-{turn}"
            try:
                answers.append((order_id, codes.redeem(code.value, **order(order_id)).discount))
            except AlreadyUsed:
                answers.append((order_id, "already used"))
        connections.close_all()

    threads = [threading.Thread(target=till, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [order_id for order_id, told in answers if told == Decimal(5)]
    assert (len(answers), len(won)) == (200, 200 if same_order else 1)
    assert Redemption.objects.get().order_id == won[0]
    assert Offer.objects.get().discount_given == 5


# --- who else --------------------------------------------------------------------------------------------------------


def test_somebody_else_s_attempt_is_refused_and_noted_once_an_order(
    server: Caller, anna: Customer, boris: Customer
) -> None:
    code = code_of(anna, at=timezone.now())
    body = {"code": code.value, "order_id": "o1", "amount": "10", "currency": "EUR"}
    for who, door in (
        ("boris", "validate"),
        ("boris", "redeem"),
        ("boris", "reserve"),
        ("stranger", "redeem"),
    ):
        told = server("POST", f"codes/{door}", {**body, "customer": who, "order_id": f"of-{who}"})
        assert (told.status, told.body["code"]) == (422, "wrong_customer")
    seen = CodeMisuse.objects.order_by("pk").values_list("kind", "customer_id", "order_id")
    assert list(seen) == [("refused", boris.pk, "of-boris"), ("refused", None, "of-stranger")]
    assert codes.went_round([code.pk]) == {code.pk: 2}
    assert Redemption.objects.count() == 0


def test_a_use_by_another_is_seen_when_the_order_tells_who_bought(anna: Customer, boris: Customer) -> None:
    carl = person("carl", allows=["analytics"])
    codes.redeem(code_of(anna).value, **order("theirs"))
    codes.redeem(code_of(boris).value, **order("own"))
    assert codes.look_for_others(at=NOW) == 0
    for name, buyer in (("theirs", carl), ("own", boris)):
        Event.objects.create(
            customer=buyer, type="ordered", order_id=name, occurred_at=NOW, received_at=NOW, source="s",
            message_id=name, basis="contract",
        )  # fmt: skip
    assert (codes.look_for_others(at=NOW + MINUTE), codes.look_for_others(at=NOW + MINUTE)) == (1, 0)
    found = CodeMisuse.objects.get()
    assert (found.kind, found.customer, found.code.customer, found.order_id) == (
        "redeemed",
        carl,
        anna,
        "theirs",
    )


def test_a_checkout_is_held_by_the_api(server: Caller, anna: Customer) -> None:
    body = {
        "code": code_of(anna, at=timezone.now()).value,
        "order_id": "o1",
        "amount": "10",
        "currency": "EUR",
        "customer": "anna",
    }
    told = server("POST", "codes/reserve", body)
    assert (told.status, told.body["discount"]) == (200, "1.00")
    assert told.body["reserved_until"] > "2026"
    other = server("POST", "codes/reserve", {**body, "order_id": "o2"})
    assert (other.status, other.body["code"]) == (409, "already_used")


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_the_command_brings_a_file_in_or_names_its_faults(tmp_path: Path, capsys) -> None:
    pool()
    path = tmp_path / "codes.csv"
    path.write_text("code\nA-1\nA-2\n", encoding="utf-8-sig")
    call_command("import_codes", "pool", str(path), "--dry-run")
    assert (capsys.readouterr().out, Code.objects.count()) == ("2 codes would be brought in.\n", 0)
    call_command("import_codes", "pool", str(path), "--json", "--expires-at", "2026-12-31T23:00:00Z")
    assert (capsys.readouterr().out, Code.objects.count()) == ('{"codes": 2, "kept": true}\n', 2)
    with pytest.raises(CommandError, match="2 lines are at fault"):
        call_command("import_codes", "pool", str(path))
    assert "line 2: A-1 is known already" in capsys.readouterr().err
    offer("ten")
    for arguments, why in (
        (("nothing", str(path)), "no offer"),
        (("ten", str(path)), "no codes from a pool"),
        (("pool", str(tmp_path / "none.csv")), "cannot be read"),
        (("pool", str(path), "--expires-at", "tomorrow"), "no moment"),
    ):
        with pytest.raises(CommandError, match=why):
            call_command("import_codes", *arguments)
    assert Code.objects.count() == 2
