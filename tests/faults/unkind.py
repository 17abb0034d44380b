"""A line to a server that is not to be relied on: it turns requests away, loses answers, and breaks off bodies."""

import http.client
import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUSY = b'{"code": "throttled", "message": "Come again."}'


class Line(ThreadingHTTPServer):
    """Listens on a port of its own and hands on to `target`; what it did is counted in `done`."""

    daemon_threads = True

    def __init__(self, target: int, *, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target, self.rng, self.done = target, random.Random(seed), Counter[str]()
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self) -> "Line":
        self.thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what this is for."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Line

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fate = self.server.rng.choices(("busy", "lost", "torn", "kind"), (20, 15, 10, 55))[0]
        self.server.done[fate] += 1
        if fate == "busy":
            self._answer(429, BUSY, {"Retry-After": "1"})
            return
        line = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        try:
            if fate == "torn":  # the server gets half of what was announced
                line.putrequest("POST", self.path)
                for name, value in headers.items():
                    line.putheader(name, value)
                line.endheaders()
                line.send(body[: len(body) // 2])
                line.close()
                self._hang_up()
                return
            line.request("POST", self.path, body, headers)
            got = line.getresponse()
            said = got.read()
        except OSError:
            self.server.done["unreachable"] += 1
            self._hang_up()
            return
        finally:
            line.close()
        self.server.done[str(got.status)] += 1
        if fate == "lost":  # the server did it, and nobody hears
            self._hang_up()
            return
        self._answer(
            got.status, said, {name: value for name, value in got.getheaders() if name == "Retry-After"}
        )

    def _answer(self, status: int, said: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_what: Any) -> None:
        pass
