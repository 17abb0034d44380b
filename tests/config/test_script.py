"""The script for shops' pages, as it is served."""

import gzip

from django.test import Client

from config import script


def test_it_is_under_six_kilobytes_on_the_way(client: Client) -> None:
    answer = client.get("/tact.js", headers={"accept-encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.content) < 6_000
    assert gzip.decompress(answer.content) == script.FILE.read_bytes()


def test_who_cannot_unzip_gets_it_plain(client: Client) -> None:
    answer = client.get("/tact.js")
    assert "Content-Encoding" not in answer.headers
    assert answer.content == script.FILE.read_bytes()
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_it_is_kept_for_an_hour_and_by_its_version_for_a_year(client: Client) -> None:
    assert "max-age=3600," in client.get("/tact.js").headers["Cache-Control"]
    newest = client.get(f"/tact.js?v={script.script().version}")
    assert "max-age=31536000, immutable" in newest.headers["Cache-Control"]
    older = client.get("/tact.js?v=0.1")
    assert older.content == newest.content
    assert "immutable" not in older.headers["Cache-Control"]


def test_it_is_not_sent_again_to_who_has_it(client: Client) -> None:
    first = client.get("/tact.js")
    again = client.get("/tact.js", headers={"if-none-match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.post("/tact.js").status_code == 405


def test_any_page_may_load_it_and_no_cookie_comes_with_it(client: Client) -> None:
    answer = client.get("/tact.js")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert not answer.cookies
