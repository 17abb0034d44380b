"""The embedded broker shows no message before it is whole."""

from pathlib import Path

import pytest
from kombu import Connection

import config.celery  # noqa: F401 - names the transport


def test_a_message_is_whole_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tmp_path)
    options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": str(tmp_path / "control"),
    }
    replace, named = Path.replace, []

    def watched(path: Path, target: Path) -> Path:
        assert path.read_text().endswith("}")
        assert not Path(target).exists()
        assert len(list(tmp_path.glob("*.msg"))) == len(named)  # none but those that are whole
        named.append(Path(target).name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    with Connection("files://", transport_options=options) as line:
        queue = line.SimpleQueue("tact")
        for n in range(3):
            queue.put({"n": n})
        assert len(named) == 3
        came = [queue.get(timeout=5) for _ in range(3)]
        assert sorted(message.payload["n"] for message in came) == [0, 1, 2]
        for message in came:
            message.ack()
    assert not list(tmp_path.glob("*.part"))
