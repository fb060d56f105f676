"""The console in a real Chromium, as an operator meets it: from the invitation to the changed card."""

from __future__ import annotations

import threading
import time

import pytest
import uvicorn

from bot.settings import settings
from tests.conftest import ROOT, chromium, free_port
from tests.test_console import DESK, PASSWORD, app, catalog_dir, cli, entry  # noqa: F401
from tests.test_web_chat import FLAGS

sync_api = pytest.importorskip("playwright.sync_api")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="NO CHROMIUM FOUND: the browser tests did not run"),
    pytest.mark.skipif(not AXE.exists(), reason="NO AXE FOUND: the browser tests did not run (make install)"),
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def address(app, monkeypatch):  # noqa: F811
    """The gateway's application on loopback."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(params=[{"width": 360, "height": 740}, {"width": 1280, "height": 900}], ids=["phone", "desk"])
def page(request):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport=request.param)
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.complaints = []
        yield page
        browser.close()


def is_sound(page):
    """Nothing for axe to object to, nothing that the page's own policy blocked, nothing wider than the screen."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found] == []
    assert [said for said in page.complaints if "Content Security Policy" in said] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    return True


def test_from_the_invitation_to_the_changed_card(address, page, cli, capsys, catalog_dir):  # noqa: F811
    assert cli("invite", "Anna", "--role", "operator", "--ambito", "sondrio") == 0
    page.goto(capsys.readouterr().out.split()[-1].replace(settings().web_url, address))
    assert is_sound(page)
    page.fill("#password", PASSWORD)
    page.fill("#repeated", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/sign-in")
    assert is_sound(page)
    page.fill("#name", "Anna")
    page.fill("#password", "sbagliata")
    page.keyboard.press("Enter")
    page.wait_for_selector(".alert-danger")
    assert is_sound(page)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/services")
    assert is_sound(page)
    page.fill("#q", "anagrafe sondrio")
    page.keyboard.press("Enter")
    page.click(f"a[href='{DESK}']")
    assert is_sound(page)

    page.fill("#hours", "quando capita")
    page.click("[value=save]")
    page.wait_for_selector("#hours-error")
    assert is_sound(page)
    page.click("a[href='#hours']")
    page.fill("#hours", "lun-ven 9-12.30, mer anche 14-17, festivi chiuso")
    page.select_option("#preview_language", "ar")
    page.fill("#preview_date", "2026-11-25")
    page.fill("#preview_time", "15:00")
    page.click("[value=preview]")
    page.wait_for_selector("#card[dir=rtl]:has-text('17:00')")
    assert is_sound(page)
    page.click("[value=save]")
    page.wait_for_selector(".alert-success")

    assert entry(catalog_dir).data["hours"] == "Mo,Tu,Th,Fr 09:00-12:30; We 09:00-12:30,14:00-17:00; PH off"
    page.goto(f"{address}/console/ambiti/sondrio/new")
    assert is_sound(page)
    page.goto(f"{address}/console/ambiti/lodi/questura-lodi")
    page.wait_for_selector(".alert-danger")
    assert is_sound(page)


def test_the_pages_keep_their_meaning_without_scripts(address, page, cli, capsys):  # noqa: F811
    cli("invite", "Anna", "--role", "operator", "--ambito", "sondrio")
    bare = page.context.browser.new_context(java_script_enabled=False).new_page()
    bare.goto(capsys.readouterr().out.split()[-1].replace(settings().web_url, address))
    bare.fill("#password", PASSWORD)
    bare.fill("#repeated", PASSWORD)
    bare.click("main button")

    bare.wait_for_url("**/console/sign-in")
