"""The API against its own description: what schemathesis makes up from it, with every check it has."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import FatalError, NonFatalError, PhaseStarted, ScenarioFinished
from schemathesis.transport.wsgi import WSGITransport

from catalog.models import Product
from customers.access import SCOPES, create_key
from customers.models import Checkpoint, Customer
from tests.desk import shop, staff

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CASES = int(os.environ.get("CASES", "300"))
SEED = int(os.environ.get("SEED", "1"))
# A long run tries every edge of every field too, which alone is thousands.
IS_LONG = CASES >= 10_000
# What a call over a network has; the probes of a check hand it on to a client that knows none of it.
NETWORK = ("max_redirects", "verify", "cert", "proxies")
EACH = {"generation": {"max-examples": CASES // (30 if IS_LONG else 60)}}
CONFIG: dict[str, Any] = {
    "seed": SEED,
    "cache": {"enabled": False},
    # A body with NUL is refused as a whole (tests.config.test_hostile_bodies); no schema of a text can say so.
    "generation": {"allow-x00": False},
    "phases": {
        "coverage": {"enabled": IS_LONG},
        # It would take the `fields` of our errors for a property of bodies.
        "fuzzing": {**EACH, "error-feedback": {"enabled": False}},
        "stateful": EACH,
    },
    "checks": {
        # Beyond what it takes for a refusal: too large, and what is no evidence or no discount.
        "negative_data_rejection": {
            "expected-statuses": ["400", "401", "403", "404", "405", "409", "413", "415", "422"]
        },
        # What is sound by itself may be too late, another's, or of nobody.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "403", "404", "409", "422"]},
    },
}
# Where a check is wrong for us: its name, what it says or what was answered, and why that is meant.
MEANT = (
    ("negative_data_rejection", r"in body .*(Incorrect type|was \w+, became (string|number|integer|boolean))", "a number may stand for text, and text for a number or a yes"),
    ("negative_data_rejection", r"in query .*(smaller than minLength|violates `(minLength|enum)`)", "an empty parameter is none"),
    ("negative_data_rejection", r"in body .*(placement|fallback|message|topic)(: String smaller than minLength|.*became \"\"\))", "an empty name is none"),
    ("positive_data_acceptance", r"does not exist|of this name already|No member of staff|stands once", "names of the shop's own things"),
    ("positive_data_acceptance", r"may not be blank", "space alone is no text"),
    ("positive_data_acceptance", r"needs its|needs a|ends before it begins|Each .* stands|No more than all of the price", "what one field asks of another"),
    ("positive_data_acceptance", r"no time zone of the IANA list|Enter a valid|no algorithm|An address begins|not an address", "lists and grammars beyond a schema"),
    ("positive_data_acceptance", r"invalid_rule|a formula|At \$|translations|recurrence|FREQ", "languages of our own: rules, formulas, repetitions"),
)  # fmt: skip


class Served:
    """The application on the test's own connection, one request at a time, whatever thread asks."""

    def __init__(self) -> None:
        self.application = get_wsgi_application()
        self.lock = Lock()
        self.connection = connections["default"]
        self.asked = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self.lock:
            connections["default"] = self.connection
            self.asked += 1
            # Under one key all bodies but the first would be answered with 422: each has its own, as long as it was.
            key = environ.get("HTTP_IDEMPOTENCY_KEY", "")
            if 0 < len(key) <= 200 and key.isascii() and key.isprintable():
                own = str(self.asked)
                environ["HTTP_IDEMPOTENCY_KEY"] = own + key[len(own) :]
            answer = self.application(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                answer.close()


@pytest.fixture
def served(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    send = WSGITransport.send

    def sent(self: WSGITransport, case: Any, **options: Any) -> Any:
        return send(self, case, **{name: value for name, value in options.items() if name not in NETWORK})

    monkeypatch.setattr(WSGITransport, "send", sent)
    settings.API_REQUESTS_PER_MINUTE = 10**9
    made = Served()
    made.connection.inc_thread_sharing()
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    yield made
    for moment in (request_started, request_finished):
        moment.connect(close_old_connections)
    made.connection.dec_thread_sharing()


class Findings:
    """How many cases there were, what was answered, and each way in which an answer was not what is described."""

    def __init__(self) -> None:
        self.cases, self.statuses, self.meant = Counter[str](), Counter[int](), Counter[str]()
        self.wrong: dict[tuple[str, str], str] = {}
        self.links = 0

    def note(self, event: Any) -> None:
        match event:
            case PhaseStarted(payload=payload) if payload is not None:
                self.links = payload.transitions_total
            case NonFatalError():
                self.wrong[event.label, "error"] = str(event.info)
            case FatalError():
                self.wrong["all", "error"] = str(event.exception)
            case ScenarioFinished():
                self.cases[str(event.phase)] += len(event.recorder.cases)
                for number, checks in event.recorder.checks.items():
                    for check in checks:
                        if check.status != Status.SUCCESS:
                            self.judge(check, event.recorder, number)
                for done in event.recorder.interactions.values():
                    self.statuses[done.response.status_code if done.response else 0] += 1

    def judge(self, check: Any, recorder: Any, number: str) -> None:
        told = check.failure_info
        answer = recorder.interactions[number].response if number in recorder.interactions else None
        said = f"{answer.status_code} {answer.content[:600]!r}" if answer else ""
        complaint = told.failure.message if told else "the check broke"
        for name, pattern, why in MEANT:
            if name == check.name and re.search(pattern, f"{complaint} {said}", re.DOTALL):
                self.meant[why] += 1
                return
        what = f"{complaint}\n{told.code_sample[:1500] if told else ''}\n{said}"
        self.wrong.setdefault((recorder.cases[number].value.operation.label, check.name), what)


def test_every_answer_is_one_that_the_description_knows(
    served: Served,
    settings: Any,
    anna: Customer,
    boris: Customer,
    clara: Customer,
    products: dict[str, Product],
) -> None:
    settings.POSTAL_ADDRESS = "1 Road, Town"
    shop(6)
    staff()
    Checkpoint.objects.all().delete()  # the desk's are no proof, so no receipt would verify against one
    key = create_key("secret", scopes=SCOPES)[1]
    config = SchemathesisConfig.from_dict({**CONFIG, "auth": {"openapi": {"key": {"bearer": key}}}})
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema?format=json", served, config=config)
    found = Findings()
    for event in from_schema(schema).execute():
        found.note(event)
    print(
        f"\n{sum(found.cases.values())} cases {dict(found.cases)}, {served.asked} requests, {found.links} links"
    )
    print(f"statuses {dict(sorted(found.statuses.items()))}; meant {dict(found.meant)}")
    assert not found.wrong, "\n\n".join(f"{' '.join(which)}: {what}" for which, what in found.wrong.items())
    # A check asks again without a key, and with a wrong one: that is no case of its own.
    assert sum(found.statuses.values()) - found.statuses[401] >= CASES
    assert found.links and found.statuses[200] > CASES // 20, (
        "else nearly everything was turned away at the door"
    )
