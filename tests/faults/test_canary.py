"""A person with unmistakable values lives a whole life here, is erased, and is then searched for everywhere (D2, S7)."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.faults.forks import ROOT
from tests.faults.keeping import Keeping
from tests.private_servers import free_port, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.slow]
ADDRESS, PHONE = "quetzal.canary@aviary.example", "+49305550142"
WORDS = (
    ADDRESS,
    "Quetzalina Canary",
    PHONE,
    "quetzal-id-7",
    "quetzal-visitor",
    "Canarytown",
    "quetzal.second@aviary.example",
)


class Witness:
    """A mail server that takes everybody's mail and refuses the canary's, quoting what it must not be told to keep."""

    def __init__(self) -> None:
        self.refused = 0

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "aviary" in address:
            self.refused += 1
            return f"550 5.1.1 <{address}> Quetzalina Canary: no such user"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return "250 ok"


class Shop:
    """The shop's server, over HTTP."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def __call__(self, method: str, path: str, body: Any = None) -> int:
        request = Request(
            f"{self.url}{path}", method=method, data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("Content-Type", "application/json")
        request.add_header("Idempotency-Key", f"canary-{time.monotonic_ns()}")
        try:
            with urlopen(request, timeout=300) as answer:
                answer.read()
                return int(answer.status)
        except HTTPError as error:
            return error.code


@contextmanager
def served(keeping: Keeping) -> Iterator[str]:
    """Web, worker and scheduler; what all of them log goes into one file."""
    port = free_port()
    with (keeping.folder / "processes.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            cwd=ROOT, env=keeping.environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_for(port, seconds=120)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def live(shop: Shop, keeping: Keeping) -> list[subprocess.CompletedProcess[str]]:
    """Everything that can happen to a customer, errors included; answers what the commands wrote."""
    said: list[subprocess.CompletedProcess[str]] = []
    folder, now = keeping.folder, datetime.now(UTC)
    table = f"id,email,phone,name,country\nquetzal-id-7,{ADDRESS},{PHONE},Quetzalina Canary,DE\n"
    (folder / "customers.csv").write_text(table)
    said.append(keeping.manage("import_data", "customers-csv", str(folder / "customers.csv")))
    assert said[-1].returncode == 0, said[-1].stderr
    (folder / "broken.csv").write_text(
        table.partition("\n")[2]
    )  # no names of columns: its first line is a person
    said.append(keeping.manage("import_data", "customers-csv", str(folder / "broken.csv")))
    assert said[-1].returncode != 0

    api = "/api/v1"
    profile = {"name": "Quetzalina Canary", "email": ADDRESS, "attributes": {"town": "Canarytown"}}
    assert shop("PUT", f"{api}/customers/quetzal-id-7", profile) in (200, 201)
    for purpose in ("analytics", "personalization", "marketing_email", "message_tracking"):
        answer = {
            "purpose": purpose, "granted": True, "notice": f"{purpose}@1", "language": "en", "method": "form",
            "source": "tests",
        }  # fmt: skip
        assert shop("POST", f"{api}/customers/quetzal-id-7/consents", answer) in (200, 201)
    for n in range(12):
        act = {
            "message_id": f"q{n}", "customer": "quetzal-id-7", "type": "ordered", "sku": f"s{n % 6}", "order_id": f"q{n}",
            "value": "9", "currency": "EUR", "occurred_at": (now - timedelta(days=n + 1)).isoformat(),
            "context": {"note": "for Quetzalina Canary in Canarytown"},
        }  # fmt: skip
        assert shop("POST", f"{api}/events", act) == 200
    seen = {"message_id": "qv", "anonymous_id": "quetzal-visitor", "type": "viewed", "sku": "s1",
            "occurred_at": (now - timedelta(days=2)).isoformat()}  # fmt: skip
    assert shop("POST", f"{api}/events", seen) == 200
    who = {
        "type": "identify", "anonymousId": "quetzal-visitor", "userId": "quetzal-id-7", "messageId": "qi",
        "timestamp": now.isoformat(),
    }  # fmt: skip
    (folder / "who.jsonl").write_text(json.dumps(who) + "\n")
    said.append(keeping.manage("import_data", "segment-jsonl", str(folder / "who.jsonl")))
    assert said[-1].returncode == 0, said[-1].stderr
    review = {
        "customer": "quetzal-id-7",
        "sku": "s1",
        "rating": 5,
        "text": "Quetzalina Canary was here",
        "locale": "en",
    }
    assert shop("POST", f"{api}/reviews", review) in (200, 201)
    for path in ("recommendations?customer=quetzal-id-7&explain=true", "customers/quetzal-id-7/profile",
                 "customers/quetzal-id-7", "offers?customer=quetzal-id-7&placement=home"):  # fmt: skip
        shop("GET", f"{api}/{path}")
    # What goes wrong, with the canary in it.
    assert shop("PUT", f"{api}/customers/quetzal-id-7", {"email": 7, "name": ["Quetzalina Canary"]}) == 400
    assert shop("POST", f"{api}/events", {"batch": [{"customer": "quetzal-id-7", "type": ADDRESS}]}) in (
        200,
        400,
    )
    assert shop("POST", f"{api}/codes/redeem", {"code": ADDRESS, "customer": "quetzal-id-7"}) in (
        400,
        404,
        422,
    )
    assert shop("GET", f"/preferences/{ADDRESS}/") == 404
    assert shop("PUT", f"{api}/customers/quetzal-id-7", {"email": "quetzal.second@aviary.example"}) == 200
    said += [keeping.do("behave", "60"), keeping.do("learn", str(folder)), keeping.run("setup", "60")]
    # What was learnt knows them, and their message has gone out and come back.
    said.append(keeping.manage("export_person", "quetzal-id-7", "--output", str(folder / "export.json")))
    for _second in range(180):
        if keeping.fates().get("quetzal-id-7") not in ("planned", "claimed", "transmitting", "retry"):
            break
        time.sleep(1)
    return said


def test_d2_s7_after_a_whole_life_nothing_of_an_erased_person_stands_anywhere(keeping: Keeping) -> None:
    witness, port = Witness(), free_port()
    server = Controller(witness, hostname="127.0.0.1", port=port)
    server.start()
    keeping.environment |= {"EMAIL_URL": f"smtp://127.0.0.1:{port}", "LOG_LEVEL": "INFO"}
    try:
        assert keeping.do("behave", "0").returncode == 0
        key = json.loads(keeping.manage("create_key", "--kind", "secret", "--json").stdout)["key"]
        with served(keeping) as url:
            said = live(Shop(url, key), keeping)
            before = json.loads(keeping.do("search", *WORDS).stdout)
            forgotten = keeping.manage("forget", "quetzal-id-7", "--yes", "--json")
            assert forgotten.returncode == 0, forgotten.stderr
            number = json.loads(keeping.do("erased").stdout)
            time.sleep(3)
        assert witness.refused >= 1
        tables = {place.split(":")[0] for place in before}
        assert {"table customers_identity", "table customers_event", "table catalog_review"} <= tables
        swept = keeping.do("left", ",".join(map(str, number)))
        assert json.loads(swept.stdout)["rows"] == {}
        assert json.loads(keeping.do("search", *WORDS).stdout) == []
    finally:
        server.stop()
    logs = (keeping.folder / "processes.log").read_text("utf-8", "replace")
    # A command that refuses a file says so to whoever called it, and may quote the file; the rest says nothing.
    told = [*(one.stderr for one in said if "broken.csv" not in one.stderr), logs]
    assert [word for word in WORDS for text in told if word in text] == []
    assert "POST /api/v1/" not in logs  # there is no access log by default
