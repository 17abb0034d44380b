"""The real clients of Segment and RudderStack, over a bad line, to a server that is killed: one event is one row."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rudderstack.analytics.client import Client as Rudder
from segment.analytics.client import Client as Segment

from config.processes import web
from tests.faults.forks import ROOT
from tests.faults.unkind import Line
from tests.faults.world import installation
from tests.private_servers import free_port, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.processes]
EVENTS = 1_000
NODE = "@segment/analytics-node@3.1.0"
NODE_SCRIPT = """
import { Analytics } from '@segment/analytics-node'
const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 100, flushInterval: 200, maxRetries: 30 })
let failed = 0
analytics.on('error', () => { failed += 1 })
for (let n = 0; n < Number(count); n++) {
  analytics.track({ userId: 'node-' + (n % 50), event: 'Product Viewed', messageId: 'node-' + n,
                    properties: { product_id: 'p' + (n % 7), price: 2.5 } })
}
await analytics.closeAndFlush({ timeout: 120000 })
console.log(failed)
"""


class Server:
    """The web process as it is served, which can be killed and started again on the same port."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.environment = {
            **environment, "DEFAULT_JURISDICTION": "US-CA", "API_REQUESTS_PER_MINUTE": "100000",
        }  # fmt: skip
        self.process = self._start()

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(web(self.port), cwd=ROOT, env=self.environment, start_new_session=True)
        wait_for(self.port, seconds=120)
        return process

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.process = self._start()


@pytest.fixture
def server(tmp_path: Path, migrated: str) -> Iterator[Server]:
    with installation(tmp_path, migrated) as (environment, _forks):
        made = Server(environment)
        try:
            yield made
        finally:
            made.stop()


def node(folder: Path) -> Path | None:
    """The official Node client installed in the folder; None, and said so, where there is no npm to do it."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    got = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", NODE], cwd=folder, capture_output=True, timeout=300, check=False
    )  # fmt: skip
    if got.returncode != 0:
        return None
    script = folder / "send.js"
    script.write_text(NODE_SCRIPT)
    return script


def send_by(client: Segment | Rudder, name: str) -> None:
    for n in range(EVENTS):
        client.track(
            f"{name}-{n % 50}",
            "Product Viewed",
            {"product_id": f"p{n % 7}", "price": 2.5},
            message_id=f"{name}-{n}",
        )
    client.flush()
    client.join()


def test_one_event_sent_is_one_row_whatever_happens_on_the_way(server: Server, tmp_path: Path) -> None:
    key = json.loads(server.manage("create_key", "--kind", "secret", "--json"))["key"]
    folder = tmp_path / "node"
    folder.mkdir()
    script = node(folder)
    lost: list[str] = []
    with Line(server.port, seed=6) as line:
        host = f"http://127.0.0.1:{line.server_port}"
        on_error = lambda error, _batch: lost.append(str(error))  # noqa: E731
        segment = Segment(key, host=host, upload_size=100, max_retries=30, on_error=on_error)
        rudder = Rudder(key, host=host, upload_size=100, max_retries=30, on_error=on_error)
        threads = [
            threading.Thread(target=send_by, args=(segment, "segment")),
            threading.Thread(target=send_by, args=(rudder, "rudder")),
        ]
        for thread in threads:
            thread.start()
        other = script and subprocess.Popen(
            ["node", str(script), host, key, str(EVENTS)], stdout=subprocess.PIPE, cwd=folder
        )
        for _kill in range(3):
            time.sleep(2)
            server.restart()
        for thread in threads:
            thread.join(timeout=300)
        assert not any(thread.is_alive() for thread in threads)
        names = ["rudder", "segment"]
        if other:
            said, _nothing = other.communicate(timeout=300)
            assert said.strip() == b"0"
            names.append("node")
        done = dict(line.done)
    assert lost == []
    assert done["busy"] and done["lost"] and done["torn"]
    counted = (
        "import json; from collections import Counter; from customers.models import Event; "
        "ids = list(Event.objects.values_list('message_id', flat=True)); "
        "print(json.dumps([len(ids), len(set(ids)), Counter(name.split('-')[0] for name in ids)]))"
    )
    rows, different, by_client = json.loads(
        server.manage("shell", "--no-imports", "-c", counted).splitlines()[-1]
    )
    assert (rows, different) == (EVENTS * len(names), EVENTS * len(names))
    assert by_client == dict.fromkeys(names, EVENTS)
    if other is None:
        pytest.skip("Python's clients hold; npm could not install the Node client here")
