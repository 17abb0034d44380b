"""The embedded broker shows no message before it is whole."""

import os
import threading
from pathlib import Path

from kombu import Connection

from config.celery import app


def test_a_message_is_never_seen_half(tmp_path: Path) -> None:
    """One thread puts, one looks all the time: kombu's own transport gives an empty file after some hundred."""
    folder = str(tmp_path)
    options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": str(tmp_path / "control"),
    }
    stop, seen, empty = threading.Event(), set(), []

    def look() -> None:
        while not stop.is_set():
            for entry in os.scandir(folder):
                if entry.name.endswith(".msg") and entry.name not in seen:
                    seen.add(entry.name)
                    if not Path(entry.path).read_text().endswith("}"):
                        empty.append(entry.name)

    with Connection(app.conf.broker_url, transport_options=options) as line:
        watcher = threading.Thread(target=look)
        watcher.start()
        queue = line.SimpleQueue("tact")
        for n in range(500):
            queue.put({"n": n})
        assert queue.get(timeout=5).payload == {"n": 0}
        stop.set()
        watcher.join()
    assert len(seen) > 100
    assert empty == []
