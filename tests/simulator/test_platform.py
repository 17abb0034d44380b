"""The simulated shop against the platform itself, over real HTTP."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Product
from customers.access import create_key
from customers.models import ConsentRecord, Customer, Event
from simulator.client import Client, Refused
from tests.faults.forks import ROOT
from tests.faults.world import database


@pytest.mark.django_db(transaction=True)
def test_a_shop_drives_the_platform_through_its_api(live_server, tmp_path: Path) -> None:
    _row, key = create_key("secret")
    truth = tmp_path / "truth.json"
    size = {"customers": 40, "products": 20, "days": 30, "seed": 3}
    end = datetime.now(UTC).isoformat()
    for _ in range(2):  # the second time changes no event
        call_command(
            "simulate",
            **size,
            url=live_server.url,
            key=key,
            truth=truth,
            end=end,
            stdout=(tmp_path / "out").open("w"),
        )
        counts = (
            Product.objects.filter(is_listed=True).count(),
            Customer.objects.filter(external_id__isnull=False).count(),
        )
        kept = Event.objects.count()
    assert counts == (20, 40)
    assert kept == Event.objects.count() > 100
    assert ConsentRecord.objects.count() > 100
    assert truth.exists()
    client = Client(live_server.url, key)
    with pytest.raises(Refused, match="404"):
        client.post("nothing", {})


@pytest.mark.django_db(transaction=True)
def test_a_wrong_key_is_one_clear_line(live_server) -> None:
    with pytest.raises(CommandError, match="401"):
        call_command("simulate", customers=1, products=1, days=1, url=live_server.url, key="sk_wrong")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(CommandError, match="--end"):
        call_command("simulate", end="yesterday")


def test_a_key_and_its_platform_go_together() -> None:
    with pytest.raises(CommandError, match="go together"):
        call_command("simulate", key="sk_x")


@pytest.mark.slow
@pytest.mark.processes
def test_without_an_address_this_installation_is_served_for_the_while(tmp_path: Path, migrated: str) -> None:
    with database(tmp_path, of=migrated) as url:
        environment = {**os.environ, "VAR_DIR": str(tmp_path / "var"), "ALLOWED_HOSTS": "shop.example"}
        environment.pop("DATABASE_URL", None)
        if url:
            environment["DATABASE_URL"] = url
        truth = tmp_path / "truth.json"
        size = ["--customers", "12", "--products", "9", "--days", "20", "--seed", "3"]
        command = [sys.executable, "manage.py", "simulate", *size, "--truth", str(truth)]
        end = ["--end", datetime.now(UTC).isoformat()]
        told = []
        for _ in range(2):  # another key each time, and still each event once
            done = subprocess.run(
                [*command, *end], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            told.append(dict(re.findall(r"^  (\w+) +([\d,]+)$", done.stdout, re.MULTILINE)))
        assert int(told[0]["accepted"]) > 20
        assert (told[1]["accepted"], told[1]["events"]) == ("0", told[0]["events"])
        assert len(json.loads(truth.read_text())["people"]) == 12
