"""History, closing, the week grid, links and trying the bot in a real Chromium, on a phone and at a desk."""

# ruff: noqa: F811 (fixtures of another file)

from __future__ import annotations

import os

import pytest
import sqlalchemy as sa

from bot.database.tables import ConsoleSession, sessions
from tests.test_console import (  # noqa: F401
    DESK,
    PASSWORD,
    Browser,
    app,
    catalog_dir,
    cli,
    entry,
    make_account,
)
from tests.test_console_browser import address, is_sound, page, pytestmark  # noqa: F401


@pytest.fixture
def anna_at(address, page, make_account):
    """Anna's browser, signed in, and the address of the service."""
    make_account()
    page.goto(f"{address}/console/sign-in")
    page.fill("#name", "Anna")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/services")
    page.goto(address + DESK)
    return page


def shot(page, name):
    """A picture to look at, where somebody asks for pictures."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}-{page.viewport_size['width']}.png", full_page=True)


def test_hours_by_grid_then_closed_then_undone(anna_at, catalog_dir):
    page = anna_at
    page.click("[value=grid]")
    page.get_by_label("Lunedì").first.wait_for()
    page.locator("[name='grid.Mo.0.from']").fill("09:00")
    page.locator("[name='grid.Mo.0.to']").fill("08:00")
    page.click("[value=preview]")
    page.wait_for_selector(".problem")
    shot(page, "grid-wrong")
    assert is_sound(page)
    page.locator("[name='grid.Mo.0.to']").fill("12:30")
    page.check("#grid-holidays")
    page.click("[value=save]")
    page.wait_for_selector(".alert-success")
    assert entry(catalog_dir).data["hours"].startswith("Mo 09:00-12:30")

    page.click("a[href$='/close']")
    page.fill("#first", "2027-08-09")
    page.fill("#last", "2027-08-22")
    page.fill("#reason", "ferie estive")
    page.click("[value=preview]")
    page.wait_for_selector(".said")
    page.click("summary")
    shot(page, "close-preview")
    assert is_sound(page)
    page.click("[value=save]")
    page.wait_for_selector(".alert-success")
    page.click("a[href$='/close']")
    page.wait_for_selector("[name=reopen]")
    shot(page, "close")
    assert is_sound(page)

    page.click("a[href$='anagrafe-sondrio']")
    page.click("a[href$='/history']")
    page.wait_for_selector("a[href*='undo=']")
    shot(page, "history")
    assert is_sound(page)
    page.click("a[href*='undo='] >> nth=0")
    page.wait_for_selector(".alert-warning")
    shot(page, "undo")
    assert is_sound(page)
    page.click("[value=save]")
    page.wait_for_selector(".alert-success")
    assert "2027" not in entry(catalog_dir).data["hours"]


def test_links_that_lead_nowhere_are_told_at_their_field(anna_at):
    page = anna_at
    page.fill("#web", "http://127.0.0.1:9/")
    page.click("[value=links]")
    page.wait_for_selector("#web-hint, .doubt")
    shot(page, "links")
    assert is_sound(page)


def test_the_enter_key_saves_nothing_and_loses_nothing(anna_at, catalog_dir):
    page = anna_at
    before = entry(catalog_dir).data
    page.fill("#provider", "Con Invio")
    page.press("#provider", "Enter")
    page.wait_for_load_state()

    assert page.input_value("#provider") == "Con Invio"
    assert entry(catalog_dir).data == before


def test_a_conflict_and_an_ended_session_are_readable_by_everybody(anna_at, app, make_account, catalog_dir):
    page = anna_at
    make_account("Bruno")
    bruno = Browser(app)
    bruno.sign_in("Bruno")
    page.fill("#provider", "Di Anna")
    bruno.post(DESK, data=bruno.form(DESK, act="save", provider="Di Bruno", address="Via Lunghissima di Bruno 12/bis"))
    page.click("[value=save]")
    page.wait_for_selector("table:has-text('Di Bruno')")
    shot(page, "conflict")
    assert is_sound(page)

    with sessions().begin() as session:
        session.execute(sa.delete(ConsoleSession))
    page.click("[value=save]")
    page.wait_for_selector("#password")
    shot(page, "ended")
    assert is_sound(page)
    page.fill("#name", "Anna")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("main [value=preview]")
    shot(page, "kept")
    assert is_sound(page)
    page.click("main [value=preview]")
    page.wait_for_selector("#provider")
    assert page.input_value("#provider") == "Di Anna"


def test_the_bot_stands_beside_the_editor_where_there_is_room(anna_at):
    page = anna_at
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    if page.viewport_size["width"] < 1200:
        page.click("a[href*='/console/try/']")
        page.wait_for_selector("#composer")
        return
    assert not any("/console/try/" in url for url in asked)
    page.click(".trial summary")
    chat = page.frame_locator(".trial iframe")
    chat.locator("#composer").wait_for()
    chat.locator(".message.mine").first.wait_for()  # the ambito was told to the bot
    shot(page, "try")
    assert is_sound(page)
    assert any(url.endswith("/console/try/chat/messages") for url in asked)


def test_the_grid_works_without_scripts(address, page, make_account, catalog_dir):
    make_account()
    bare = page.context.browser.new_context(java_script_enabled=False).new_page()
    bare.goto(f"{address}/console/sign-in?next={DESK}")
    bare.fill("#name", "Anna")
    bare.fill("#password", PASSWORD)
    bare.click("main button")
    bare.click("[value=grid]")
    bare.locator("[name='grid.Sa.0.from']").fill("09:00")
    bare.locator("[name='grid.Sa.0.to']").fill("11:00")
    bare.click("[value=save]")
    bare.wait_for_selector(".alert-success")

    assert "Sa 09:00-11:00" in entry(catalog_dir).data["hours"]
