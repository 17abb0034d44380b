"""The whole street, as someone walks it who has just found the project: `make demo`, twice, and the pages it serves."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.forks import ROOT
from tests.faults.world import database
from tests.private_servers import free_port, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.processes]
CUSTOMERS = 250


class Street(NamedTuple):
    """A demo that has run once: what it printed, its folder, and how to run it again."""

    told: str
    folder: Path
    command: list[str]
    environment: dict[str, str]
    port: int

    def mails(self) -> list[EmailMessage]:
        files = (self.folder / "outbox").glob("*.eml")
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]

    def number(self, row: str) -> int:
        """The number at the end of a row of what was printed, such as `sendable   1,326`."""
        found = re.search(rf"^\W*{row} +([\d,]+)", self.told, re.MULTILINE)
        assert found is not None, row
        return int(found.group(1).replace(",", ""))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder, port = tmp_path_factory.mktemp("street"), free_port()
    with database(folder) as url:
        environment = {**os.environ, "VAR_DIR": str(folder / "var")}
        environment.pop("DATABASE_URL", None)
        if url:
            environment["DATABASE_URL"] = url
        command = [sys.executable, "-m", "config.demo", "--port", str(port), "--customers", str(CUSTOMERS)]
        first = subprocess.run(
            [*command, "--no-serve"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert first.returncode == 0, first.stderr[-3000:]
        yield Street(first.stdout, folder / "var", command, environment, port)


def test_it_tells_who_allows_what_and_measures_against_both_floors(street: Street) -> None:
    assert street.number("customers") == CUSTOMERS
    allowed = re.search(r"^marketing_email +(\d+) +(\d+)%", street.told, re.MULTILINE)
    assert allowed is not None
    assert 0 < int(allowed.group(1)) < CUSTOMERS
    for label in ("popularity", "frequency"):
        assert (
            len(re.findall(rf"^{label} +0\.\d+ \(", street.told, re.MULTILINE)) == 4
        )  # choosing, and three modes
    assert re.search(
        r"^[\w/]+ is live: the first; \+0\.\d+ NDCG@10 over plain popularity", street.told, re.MULTILINE
    )


def test_the_waterfall_adds_up_and_every_mail_is_in_the_outbox(street: Street) -> None:
    lost = [int(n.replace(",", "")) for n in re.findall(r"^  − .+? ([\d,]+)  ░*$", street.told, re.MULTILINE)]
    assert street.number("matched") == CUSTOMERS == sum(lost) + street.number("sendable")
    assert "The rows add up." in street.told
    recipients = [str(mail["To"]) for mail in street.mails()]
    assert len(recipients) == len(set(recipients)) > 100
    # Where a few failed, what was sent is told as a lower bound (N1).
    assert 0 <= len(recipients) - street.number("(?:at least )?sent") < 20


def test_the_measured_effect_stands_beside_the_truth(street: Street) -> None:
    estimate = re.search(
        r"^(It earned|It cost|Cannot tell yet): ([+-][\d.]+) EUR per person", street.told, re.MULTILINE
    )
    truth = re.search(
        r"never saw: [+-][\d.]+ per person over the ([\d,]+) measured; estimated ([+-][\d.]+)", street.told
    )
    if "Too few: a number is shown of at least 20 people, and of 10 who bought." in street.told:
        assert (estimate, truth) == (None, None)  # so small a shop may have no control group to tell of
    else:
        assert estimate is not None
        assert truth is not None
        assert truth.group(2) == estimate.group(2)
    assert "0 violations" in street.told
    assert re.search(r"^Ledger: [\d,]+ records of [\d,]+ people, clean", street.told, re.MULTILINE)


def test_u1_every_mail_can_be_left_and_opens_in_its_reader_s_language(street: Street) -> None:
    languages = set()
    for mail in street.mails():
        (leave,) = mail.get_all("List-Unsubscribe")
        assert re.fullmatch(rf"<http://127\.0\.0\.1:{street.port}/unsubscribe/[\w-]+/>", str(leave))
        assert mail.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
        html, text = mail.get_body(("html",)), mail.get_body(("plain",))
        assert html is not None
        assert text is not None
        for part in (html.get_content(), text.get_content()):
            assert "/unsubscribe/" in part
            assert "1 Example Street" in part
            assert "{{" not in part
            assert "{%" not in part
        languages.add("zh" if "您好" in html.get_content() or "精选" in str(mail["Subject"]) else "en")
    assert languages == {"en", "zh"}


def test_another_terminal_works_on_the_demo_by_its_env_file(street: Street) -> None:
    file = street.folder / "demo.env"
    assert file.stat().st_mode & 0o077 == 0, "secrets stand in it"
    named = {line.partition("=")[0] for line in file.read_text().splitlines()}
    bare = {name: value for name, value in street.environment.items() if name not in named}
    told = subprocess.run(
        [sys.executable, "manage.py", "consents", "--json"], cwd=ROOT, env={**bare, "ENV_FILE": str(file)},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert json.loads(told.stdout)["known"] == CUSTOMERS


def test_running_it_again_repeats_nothing_and_serves_the_pages(street: Street) -> None:
    before = sorted(path.name for path in (street.folder / "outbox").glob("*.eml"))
    texts = (mail.get_body(("plain",)).get_content() for mail in street.mails())
    english = next(text for text in texts if "Hello" in text)
    link = re.search(r"http://\S+/preferences/[\w-]+/", english)
    again = subprocess.Popen(
        street.command, cwd=ROOT, env=street.environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert again.stdout is not None
        told = ""
        for line in again.stdout:
            told += line
            if "Serving" in line:
                break
        assert "/admin/ (admin / " in told
        assert sorted(path.name for path in (street.folder / "outbox").glob("*.eml")) == before
        wait_for(street.port)
        base = f"http://127.0.0.1:{street.port}"
        for address, words in (
            (f"{base}/admin/", "Tact"),
            (link.group(0), "Send me offers by e-mail"),
            (f"{base}/api/v1/docs/", "swagger"),
            (f"{base}/health/ready", '"ok"'),
        ):
            with urllib.request.urlopen(address, timeout=20) as answer:
                assert answer.status == 200
                assert words in answer.read().decode(), address
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(60) == 0
