"""What all endpoints share: keys, scopes, errors, limits, throttle, and a POST that acts once."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone, translation

from campaigns import segments
from campaigns.segments import InvalidRule
from config import urls
from config.api import STILL_RUNNING, errors, scope_of
from customers import throttle
from customers.access import SCOPES, create_key, customer_token
from customers.models import ApiKey, Customer, IdempotentReply
from tests.conftest import NOW, Caller

pytestmark = pytest.mark.django_db
EVENT = {"message_id": "m1", "customer": "anna", "type": "ordered", "occurred_at": "2026-11-01T10:00:00Z"}


def api_paths() -> list[tuple[str, object]]:
    found = []
    for pattern in urls.api:
        assert isinstance(pattern, URLPattern | URLResolver)
        path = str(pattern.pattern)
        for name, value in (
            ("<str:external_id>", "anna"),
            ("<str:sku>", "rose"),
            ("<int:record>", "1"),
            ("<int:run>", "1"),
            ("<int:webhook>", "1"),
            ("<uuid:number>", "00000000-0000-4000-8000-000000000000"),
        ):
            path = path.replace(name, value)
        found.append((path, pattern.callback))
    return found


def test_every_endpoint_names_a_scope_for_every_method_it_has() -> None:
    for path, callback in api_paths():
        view = getattr(callback, "view_class", None) or callback.cls  # type: ignore[attr-defined]
        if path in ("schema", "docs"):
            continue
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(view, method):
                assert scope_of(view, method.upper()) in SCOPES, f"{method} {path}"


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic abc", "Bearer sk_wrong", "Bearer"])
def test_s1_without_a_key_every_endpoint_answers_401_in_the_one_shape(client: Client, header: str) -> None:
    for path, _view in api_paths():
        if path in ("schema", "docs"):
            continue
        response = client.generic("POST", f"/api/v1/{path}", headers={"Authorization": header})
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated"), path
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_s1_a_key_without_the_scope_gets_403_everywhere(client: Client) -> None:
    for scope in SCOPES:
        caller = Caller(client, create_key("secret", scopes=[scope])[1])
        for path, callback in api_paths():
            view = getattr(callback, "view_class", None) or callback.cls  # type: ignore[attr-defined]
            if path in ("schema", "docs") or scope_of(view, "GET") in (None, scope):
                continue
            answer = caller("GET", path)
            assert answer.status in (403, 405), (scope, path)


def test_a_method_an_address_does_not_have_is_405(server: Caller) -> None:
    answer = server("DELETE", "purposes")
    assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")


def test_a_lost_cache_stops_no_request_and_readiness_says_so(server: Caller, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": settings.REDIS_URL,
        }
    }
    assert server("GET", "purposes").status == 200
    ready = Client().get("/health/ready")
    assert (ready.status_code, ready.json()["failing"]) == (503, ["cache"])


def test_s1_a_revoked_key_opens_nothing_and_only_hashes_are_kept(server: Caller) -> None:
    assert server("GET", "purposes").status == 200
    key = server.headers["Authorization"].partition(" ")[2]
    row = ApiKey.objects.get()
    assert key not in str(vars(row)) and row.last_used_at is not None
    ApiKey.objects.update(revoked_at=timezone.now())
    assert server("GET", "purposes").status == 401


def test_s1_a_publishable_key_cannot_get_a_server_s_scope() -> None:
    with pytest.raises(ValueError, match="codes:write"):
        create_key("publishable", scopes=["codes:write"])


def test_create_key_prints_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_key", "--kind", "secret", "--label", "till", "--json")
    assert '"key": "sk_' in capsys.readouterr().out


def test_a_path_answers_the_same_with_a_slash(server: Caller) -> None:
    assert server("GET", "purposes/").body == server("GET", "purposes").body


def test_an_unknown_address_is_a_404_in_the_one_shape(server: Caller) -> None:
    assert server("GET", "nothing").body["code"] == "not_found"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"a": NaN}', 400),
        (b'{"message_id": "\\u0000"}', 400),
        (b"\xff\xfe", 400),
        (b'{"batch": [' + b"1," * 1000 + b"1]}", 413),
        (b'{"a": "' + b"x" * (5 * 1024 * 1024) + b'"}', 413),
    ],
)
def test_a_bad_body_gets_its_4xx(client: Client, raw: bytes, status: int) -> None:
    key = create_key("secret")[1]
    for headers in ({}, {"Idempotency-Key": "k"}):
        answer = client.generic(
            "POST",
            "/api/v1/events",
            raw,
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}", **headers},
        )
        assert answer.status_code == status
        assert set(answer.json()) >= {"code", "message"}


def test_another_content_type_is_415(client: Client) -> None:
    key = create_key("secret")[1]
    answer = client.post("/api/v1/events", {"a": 1}, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_field_errors_name_their_place(server: Caller) -> None:
    answer = server("POST", "products/bulk", {"products": [{"sku": "a"}, {"sku": "b", "price": "-1"}]})
    assert answer.status == 400
    assert list(answer.body["fields"]) == ["products.1.price"]


def test_the_throttle_lets_exactly_so_many_through(
    server: Caller, settings, tmp_path: Path, time_machine
) -> None:
    cache.clear()
    settings.API_REQUESTS_PER_MINUTE, settings.VAR_DIR = 5, tmp_path
    time_machine.move_to(NOW.replace(second=20), tick=False)
    answers = [server("GET", "purposes") for _ in range(8)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 3
    assert answers[-1].headers["Retry-After"] == "40"
    assert answers[-1].body["code"] == "throttled"
    time_machine.shift(40)
    assert server("GET", "purposes").status == 200


def test_what_needs_no_key_is_counted_by_address(
    client: Client, settings, tmp_path: Path, time_machine, monkeypatch
) -> None:
    cache.clear()
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(throttle, "FROM_ONE_ADDRESS", 3)
    time_machine.move_to(NOW, tick=False)
    found = [client.get("/api/v1/docs").status_code for _ in range(5)]
    assert found == [200] * 3 + [429] * 2
    assert client.get("/api/v1/docs", REMOTE_ADDR="192.0.2.7").status_code == 200


# --- customer tokens -------------------------------------------------------------------------------------------------


def test_s1_a_token_of_anna_never_reads_boris(anna: Customer, boris: Customer, browser) -> None:
    as_anna = browser("anna")
    assert as_anna("GET", "customers/anna/consents").status == 200
    for path in ("customers/boris/consents", "customers/boris/consents/history"):
        assert as_anna("GET", path).status == 403
    for path in ("recommendations?customer=boris", "offers?placement=home&customer=boris"):
        assert as_anna("GET", path).status == 403
    for path in ("customers/boris", "customers/anna"):
        assert as_anna("GET", path).status == 403
    assert as_anna("POST", "consents/bulk", {"answers": []}).status == 403


@pytest.mark.parametrize("spoil", ["flip", "old", "long", "other"])
def test_s1_a_bad_token_is_401(anna: Customer, browser, spoil: str) -> None:
    caller = browser("anna")
    token = caller.headers["X-Customer-Token"]
    match spoil:
        case "flip":
            token = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
        case "old":
            token = customer_token("anna", at=timezone.now() - timedelta(hours=2))[0]
        case "long":
            token = "x.y.z"
        case "other":
            token = token.partition(".")[2]
    caller.headers["X-Customer-Token"] = token
    assert caller("GET", "customers/anna/consents").status == 401


def test_s1_a_server_makes_tokens_of_an_hour_at_most(server: Caller, anna: Customer) -> None:
    made = server("POST", "customers/anna/token", {"seconds": 60})
    assert made.status == 200
    assert server("POST", "customers/anna/token", {"seconds": 3601}).status == 400
    assert server("POST", "customers/nobody/token", {}).status == 404


# --- a POST acts once --------------------------------------------------------------------------------------------------


def test_r3_the_same_key_replays_and_another_body_is_422(server: Caller, anna: Customer) -> None:
    first = server("POST", "events", EVENT, **{"Idempotency-Key": "k"})
    again = server("POST", "events", EVENT, **{"Idempotency-Key": "k"})
    assert first.body == again.body == {"accepted": 1, "duplicates": 0, "refused": []}
    assert again.headers["Idempotent-Replayed"] == "true"
    other = server("POST", "events", {**EVENT, "message_id": "m2"}, **{"Idempotency-Key": "k"})
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert server("POST", "events", EVENT).body["duplicates"] == 1


def test_r3_while_it_runs_409_and_a_killed_one_is_taken_over_later(server: Caller, anna: Customer) -> None:
    server("POST", "events", EVENT, **{"Idempotency-Key": "k"})
    IdempotentReply.objects.update(status=None, body=b"")
    assert server("POST", "events", EVENT, **{"Idempotency-Key": "k"}).status == 409
    IdempotentReply.objects.update(created_at=timezone.now() - STILL_RUNNING - timedelta(seconds=1))
    assert server("POST", "events", EVENT, **{"Idempotency-Key": "k"}).body["duplicates"] == 1


def test_a_refused_request_may_be_mended_under_its_key(server: Caller) -> None:
    body = {"purpose": "analytics", "granted": False, "method": "m", "source": "s"}
    assert server("POST", "customers/x/consents", body, **{"Idempotency-Key": "k"}).status == 404
    # A 404 is an answer like any other and is replayed.
    server("PUT", "customers/x", {})
    assert server("POST", "customers/x/consents", body, **{"Idempotency-Key": "k"}).status == 404
    assert server("POST", "customers/x/consents", body, **{"Idempotency-Key": "k2"}).status == 201


@pytest.mark.django_db(transaction=True)
def test_r3_one_key_twenty_times_at_once_acts_once(settings) -> None:
    key = create_key("secret")[1]
    answers: list[int] = []
    gate = threading.Barrier(20)

    def post() -> None:
        caller = Caller(Client(), key)
        gate.wait()
        body = {"customers": [{"id": "anna"}]}
        answers.append(caller("POST", "customers/bulk", body, **{"Idempotency-Key": "one"}).status)
        connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 409}
    assert 200 in answers
    assert Customer.objects.count() == 1
    assert connection.vendor in ("sqlite", "postgresql")


# --- machines that watch ---------------------------------------------------------------------------------------------


def test_health_and_metrics(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ok", "failing": []}
    assert b"tact_deliveries" in client.get("/metrics").content


def test_the_schema_and_its_page_are_served(client: Client) -> None:
    schema = client.get("/api/v1/schema/")
    assert schema.status_code == 200
    assert b"openapi: 3.1" in schema.content
    assert client.get("/api/v1/docs/").status_code == 200


def test_what_is_wrong_with_a_rule_is_english_for_programs_and_the_readers_language_at_the_desk() -> None:
    with pytest.raises(InvalidRule) as raised:
        segments.check({"frequency": {"gte": "many"}})
    with translation.override("zh-hans"):
        assert str(raised.value) == f"$.frequency.gte: {translation.gettext('needs a number')}"
        answer = errors(raised.value, {})
    assert answer.data == {
        "code": "invalid_rule",
        "message": "needs a number",
        "fields": {"$.frequency.gte": ["needs a number"]},
    }
