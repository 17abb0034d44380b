"""The platform's public API as a shop's server uses it. All shapes of requests stand here."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

BATCH = 1000
TRIES = 8
Progress = Callable[[int], None]


class Refused(Exception):
    """The platform answered with an error that a repeat does not mend."""

    def __init__(self, path: str, status: int, body: str) -> None:
        super().__init__(f"{path}: {status} {body[:300]}")
        self.status = status


class Client:
    """One key, one connection a thread. Repeats what was lost or throttled; every event has its own message id."""

    def __init__(self, url: str, key: str) -> None:
        self._host = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._local = threading.local()

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's body. Raises Refused; ConnectionError when the platform stays away."""
        status, answer = self._ask("POST", f"/api/v1/{path}", json.dumps(body).encode(), self._headers)
        if status >= 400:
            raise Refused(path, status, answer.decode("utf-8", "replace"))
        found: dict[str, Any] = json.loads(answer)
        return found

    def visit(self, url: str, *, agent: str) -> int:
        """GET an address of a mail as a browser or a machine does, without following where it leads."""
        parts = urlsplit(url)
        return self._ask("GET", parts.path, None, {"User-Agent": agent})[0]

    def unsubscribe(self, url: str) -> int:
        """One click, as a mailbox does it (RFC 8058)."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", urlsplit(url).path, b"List-Unsubscribe=One-Click", form)[0]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        for attempt in range(TRIES):
            line: http.client.HTTPConnection | None = getattr(self._local, "line", None)
            if line is None:
                line = self._local.line = http.client.HTTPConnection(self._host, timeout=120)
            try:
                line.request(method, path, body, headers)
                response = line.getresponse()
                answer = response.read()
            except (http.client.HTTPException, OSError):
                line.close()
                self._local.line = None
                time.sleep(0.1 * 2**attempt)
                continue
            if response.status in (429, 503):
                time.sleep(float(response.headers.get("Retry-After", "1")))
                continue
            return response.status, answer
        raise ConnectionError(f"{method} {path}: no answer after {TRIES} tries")


def in_batches(
    client: Client,
    path: str,
    name: str,
    rows: Sequence[dict[str, Any]],
    *,
    progress: Progress,
    threads: int = 1,
) -> list[dict[str, Any]]:
    """Post the rows a thousand at a time; the answers in order. More than one thread loses the order of arrival."""
    pages = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]

    def send(page: Sequence[dict[str, Any]]) -> dict[str, Any]:
        answer = client.post(path, {name: list(page)})
        progress(len(page))
        return answer

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(send, pages))
