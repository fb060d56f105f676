"""The look at the pages behind the catalogue, against a web server on loopback."""

import http.server
import threading
import time
from datetime import date

import pytest

from bot.catalog.links import look_at_pages, pages, read_state

TODAY = date(2026, 11, 24)


class Site(http.server.ThreadingHTTPServer):
    """A site whose pages a test may change; it remembers who asked for what, and when."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {"/a": "<p>Aperto lunedì</p>", "/b": "<p>Ciao</p>"}
        self.asked = []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, time.monotonic(), self.headers["User-Agent"]))
        body = self.server.pages.get(self.path)
        if isinstance(body, tuple):
            self.send_response(body[1])
            self.send_header("Location", body[0])
            body = ""
        else:
            self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write((body or "no").encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    server = Site()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dead_page_and_a_changed_one_are_told_apart_from_one_that_stays(site, tmp_path):
    urls, state = [site.url("/a"), site.url("/b"), site.url("/gone")], tmp_path / "links.jsonl"
    first = look_at_pages(urls, state, TODAY, pause=0)
    assert [(first[u].error, first[u].changed) for u in urls] == [("", False), ("", False), ("HTTP 404", False)]

    site.pages["/a"] = "<p>Aperto martedì</p>"
    site.pages["/b"] = "<script>token = 12345</script><P class='new'>Ciao</P>"
    later = look_at_pages(urls, state, date(2027, 1, 24), pause=0)

    assert [(later[u].error, later[u].changed) for u in urls] == [("", True), ("", False), ("HTTP 404", False)]


def test_an_interrupted_run_goes_on_where_it_stopped(site, tmp_path):
    urls, state = [site.url("/a"), site.url("/b")], tmp_path / "links.jsonl"

    def stop_after_one(queue):
        yield queue[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look_at_pages(urls, state, TODAY, pause=0, progress=stop_after_one)
    with state.open("a") as file:
        file.write('{"url": "cut off in the mid')
    look_at_pages(urls, state, TODAY, pause=0)

    assert [path for path, _, _ in site.asked] == ["/a", "/b"]


def test_the_same_host_is_asked_with_pauses_and_told_who_asks(site, tmp_path):
    look_at_pages([site.url("/a"), site.url("/b")], tmp_path / "links.jsonl", TODAY, pause=0.3)

    (_, first, agent), (_, second, _) = site.asked
    assert second - first >= 0.25  # the clock is the server's, and the first request took a moment to arrive
    assert "Ponte" in agent


def test_a_host_that_does_not_answer_is_an_error_not_a_crash(tmp_path):
    seen = look_at_pages(["http://127.0.0.1:9/"], tmp_path / "links.jsonl", TODAY, pause=0)

    assert seen["http://127.0.0.1:9/"].error == "ConnectError"
    assert read_state(tmp_path / "links.jsonl") == seen


def test_the_pages_are_the_web_sites_and_the_sources_each_once(make_service):
    one = make_service(web="https://example.org/pagina")
    other = make_service(id="altro", source={"url": "Piano regionale", "date": None})

    assert pages([one, other]) == {"https://example.org/pagina": ["esempio-sportello"]}
