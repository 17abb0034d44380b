"""What only a line to the real server can do: half a body, a wrong length, chunks, several requests in one breath."""

import errno
import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_segment_clients import Server
from tests.faults.world import installation

pytestmark = [pytest.mark.slow, pytest.mark.processes]
PICTURE = (
    "import json; from tests.config.hostile import picture; "
    "from customers.models import ApiKey; ApiKey.objects.update(last_used_at=None); print(json.dumps(picture()))"
)
BODY = b'{"customers": [{"id": "anna", "name": "Anna"}]}'
TRACK = b'{"userId": "anna", "event": "Product Viewed", "properties": {"product_id": "p1"}}'


class Line:
    """What goes over a socket, byte for byte."""

    def __init__(self, server: Server, key: str) -> None:
        self.server, self.key = server, key

    def head(self, what: str, *headers: str) -> bytes:
        lines = [f"{what} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.key}", *headers]
        if not any(line.startswith("Content-Type") for line in lines):
            lines.append("Content-Type: application/json")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def said(self, sent: bytes, *, then: str = "half close", seconds: float = 20) -> list[tuple[int, Any]]:
        """Every answer that came back, as status and JSON (None where it is none)."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=seconds) as line:
            try:
                line.sendall(sent)
                if then == "reset":
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return []
                if then == "half close":
                    line.shutdown(socket.SHUT_WR)
                return list(_answers(line))
            except (BrokenPipeError, ConnectionResetError):
                return []  # it hung up on us
            except OSError as error:
                if error.errno != errno.ENOTCONN:
                    raise
                return []


def _answers(line: socket.socket) -> Iterator[tuple[int, Any]]:
    with line.makefile("rb") as file:
        while status := file.readline():
            length = 0
            while (header := file.readline().strip()) and header:
                name, _colon, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            body = file.read(length)
            yield int(status.split()[1]), json.loads(body) if body.startswith(b"{") else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, migrated: str) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("lines")
    with installation(folder, migrated) as (environment, _forks):
        made = Server(environment)
        yield made
        made.stop()


@pytest.fixture
def line(server: Server) -> Line:
    made = Line(server, json.loads(server.manage("create_key", "--kind", "secret", "--json"))["key"])
    # The first request of all notes which installation this is.
    assert made.said(made.head("GET /api/v1/purposes"))[0][0] == 200
    return made


def picture(server: Server) -> Any:
    return json.loads(server.manage("shell", "--no-imports", "-c", PICTURE).splitlines()[-1])


def test_what_is_sent_by_halves_or_with_a_wrong_length_changes_nothing(line: Line) -> None:
    before = picture(line.server)
    bulk, track, pause = "POST /api/v1/customers/bulk", "POST /v1/track", "POST /api/v1/campaigns/c/pause"
    more, less = f"Content-Length: {len(BODY) + 9}", f"Content-Length: {len(BODY) - 9}"
    chunked = "Transfer-Encoding: chunked"
    half_a_chunk = f"{len(BODY) + 9:x}\r\n".encode() + BODY
    told = {
        "half of it": line.said(line.head(bulk, more) + BODY),
        "half of it, once": line.said(line.head(bulk, more, "Idempotency-Key: k1") + BODY),
        "half of a track": line.said(line.head(track, more) + TRACK[: len(BODY)]),
        "half of what is not asked": line.said(line.head(pause, "Content-Length: 40") + b"{}"),
        "too short a length": line.said(line.head(bulk, less) + BODY)[:1],
        "half a chunk": line.said(line.head(bulk, chunked) + half_a_chunk),
        "half a chunk of a track": line.said(line.head(track, chunked) + half_a_chunk),
        "a chunk of no size": line.said(line.head(bulk, chunked) + b"zz\r\n" + BODY),
        "chunks without end": line.said(line.head(bulk, chunked) + f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n"),
        "chunks of 5 MB and more": line.said(line.head(bulk, chunked) + b"100000\r\n" + b" " * 2**20 + b"\r\n" + b"500000\r\n" + b" " * 5 * 2**20 + b"\r\n0\r\n\r\n"),
    }  # fmt: skip
    if not told["chunks of 5 MB and more"]:
        del told[
            "chunks of 5 MB and more"
        ]  # hung up before it was sent whole, and the answer went with the line
    for what, answers in told.items():
        assert answers, what
        status, body = answers[0]
        assert 400 <= status < 500, (what, answers)
        assert isinstance(body["code"], str) and isinstance(body["message"], str), (what, answers)
    for sent in (
        line.head(bulk, more) + BODY,
        line.head(track, more) + TRACK,
        line.head(bulk, chunked) + half_a_chunk,
    ):
        line.said(sent, then="reset")
    assert picture(line.server) == before


# No head that HTTP/1.1 has, and two that say of one body how long it is in two ways.
HEADS = (
    "Content-Length: -1", "Content-Length: 1e2", "Content-Length: +47", "Content-Length: 0x2f", "Content-Length: 4 7", "Content-Length: 47, 47",
    "Content-Length: 47\r\nContent-Length: 48", "Content-Length: 47\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip", "Transfer-Encoding: \x0bchunked", "Content-Length : 47", "Content-Length: 47\r\n X: folded",
    f"X-Long: {'x' * 20_000}", "\r\n".join(f"X-{n}: {n}" for n in range(200)), "X-Bad\x00: 1", "X: a\rb", "no colon",
)  # fmt: skip


def test_a_head_that_is_none_is_turned_away_and_what_comes_behind_it_is_never_read(line: Line) -> None:
    """Were it read as a second request, it could be given to somebody else by whatever stands in front (smuggling)."""
    before = picture(line.server)
    smuggled = line.head("POST /api/v1/customers/bulk", f"Content-Length: {len(BODY)}") + BODY
    wrong = []
    for header in HEADS:
        answers = line.said(line.head("POST /api/v1/customers/bulk", header) + BODY + smuggled)
        if len(answers) != 1 or answers[0][0] not in (400, 431, 501):
            wrong.append((header[:60], answers))
    assert not wrong
    assert picture(line.server) == before


def test_several_requests_in_one_breath_are_answered_one_by_one_in_their_order(line: Line) -> None:
    parts = [b'{"customers": [{"id": "c%d", "name": "N%d"}]}' % (n, n) for n in range(5)]
    sent = b"".join(
        line.head("POST /api/v1/customers/bulk", f"Content-Length: {len(part)}") + part for part in parts
    )
    asked = b"".join(line.head(f"GET /api/v1/customers/c{n}") for n in range(5))
    answers = line.said(sent + asked)
    assert [status for status, _body in answers] == [200] * 10
    assert [body["name"] for _status, body in answers[5:]] == ["N0", "N1", "N2", "N3", "N4"]


def test_what_comes_whole_in_chunks_is_taken_at_every_door(line: Line) -> None:
    chunks = b"".join(f"{len(part):x};why=not\r\n".encode() + part + b"\r\n" for part in (BODY[:7], BODY[7:]))
    end = b"0\r\n\r\n"
    chunked = "Transfer-Encoding: chunked"
    assert line.said(line.head("POST /api/v1/customers/bulk", chunked) + chunks + end)[0][0] == 200
    track = f"{len(TRACK):x}\r\n".encode() + TRACK + b"\r\n" + end
    status, body = line.said(line.head("POST /v1/track", chunked, "Content-Type: text/plain") + track)[0]
    assert (status, body["success"]) == (200, True)


def test_half_a_body_leaves_its_idempotency_key_free_for_the_whole_one(line: Line) -> None:
    key = "Idempotency-Key: a-key"
    half = line.said(
        line.head("POST /api/v1/customers/bulk", f"Content-Length: {len(BODY)}", key) + BODY[:20]
    )
    whole = line.said(line.head("POST /api/v1/customers/bulk", f"Content-Length: {len(BODY)}", key) + BODY)
    assert (half[0][0], whole[0][0]) == (400, 200)
