"""The web chat in a real Chromium, on a phone-sized screen."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from bot.i18n import translations
from tests.conftest import ROOT, chromium
from tests.test_end_to_end import QUESTIONS

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(
    chromium() is None, reason="NO CHROMIUM FOUND: the browser tests did not run (apt-get install chromium)"
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser, running_bot, request):
    language = getattr(request, "param", "it")
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale=language)
    opened = context.new_page()
    opened.goto(running_bot.url)
    yield opened
    context.close()


def ask(page, text):
    page.fill("#text", text)
    page.click("#send")


@pytest.mark.parametrize(("page", "question"), QUESTIONS, indirect=["page"])
def test_a_question_gets_the_right_card(page, question):
    ask(page, question)

    page.wait_for_selector(".message.bot:has-text('Questura di Sondrio')", timeout=30_000)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


@pytest.mark.parametrize("page", ["ar"], indirect=True)
def test_arabic_runs_from_right_to_left(page):
    assert page.get_attribute("html", "dir") == "rtl"
    ask(page, "أين أتعلم الإيطالية في لودي؟")
    page.wait_for_selector(".message.bot[dir=rtl]", timeout=30_000)


@pytest.mark.parametrize("page", ["en"], indirect=True)
def test_markup_is_shown_as_text(page):
    ask(page, "<img src=x onerror=document.title='broken'> hello")
    page.wait_for_selector(".message.bot", timeout=30_000)

    assert page.title() == "Ponte"
    assert page.query_selector("#messages img") is None


@pytest.mark.parametrize("page", ["en"], indirect=True)
def test_buttons_and_language_work(page):
    ask(page, "hello")
    page.wait_for_selector(".message.bot .buttons button", timeout=30_000)
    page.select_option("#language", "ar")
    words = translations("ar")("From now on I write in English. What do you need?")
    page.wait_for_selector(f".message.bot:has-text('{words}')", timeout=30_000)
    page.wait_for_function("document.documentElement.dir === 'rtl'")


@pytest.mark.parametrize("page", ["en"], indirect=True)
def test_forget_is_told_on_the_page(page):
    ask(page, "delete all my data")
    page.click(".buttons button:has-text('Delete')", timeout=30_000)

    page.wait_for_selector(".message.bot:has-text('Everything about you is deleted')", timeout=30_000)


def test_a_link_on_a_desks_door_opens_that_desk_once(browser, running_bot):
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en")
    page = context.new_page()
    page.goto(f"{running_bot.url}/?start=questura-sondrio-immigrazione")
    page.wait_for_selector(".message.bot:has-text('Questura di Sondrio')", timeout=30_000)

    assert "start=" not in page.url
    context.close()


LETTERS = {"Arabic": "ب", "Bengali": "ক", "Devanagari": "क", "Gurmukhi": "ਕ", "Sinhala": "ක"}


@pytest.mark.parametrize(("script", "letter"), LETTERS.items())
def test_the_page_can_load_a_font_for_every_script(page, script, letter):
    loaded = page.evaluate(
        "async ([font, letter]) => (await document.fonts.load(font, letter)).length", [f"16px 'Ponte {script}'", letter]
    )

    assert loaded == 1


def test_an_operator_tries_the_bot_beside_the_editor_as_somebody_of_their_ambito(browser, running_bot):
    environment = {**os.environ, "BOT_STATE_DIR": str(running_bot.state), "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "bot.cli",
        "console",
        "invite",
        "Anna",
        "--role",
        "operator",
        "--ambito",
        "sondrio",
    ]
    invited = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="it")
    page = context.new_page()
    page.goto(f"{running_bot.url}/console{invited.stdout.split()[-1].partition('/console')[2]}")
    page.fill("#password", "quattro parole messe insieme")
    page.fill("#repeated", "quattro parole messe insieme")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/sign-in")
    page.fill("#name", "Anna")
    page.fill("#password", "quattro parole messe insieme")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/services")
    page.goto(f"{running_bot.url}/console/ambiti/sondrio/anagrafe-sondrio")
    page.click(".trial summary")
    chat = page.frame_locator(".trial iframe")
    chat.locator(".message.bot:has-text('Sondrio')").first.wait_for(timeout=30_000)
    chat.locator("#text").fill("devo rinnovare il permesso di soggiorno")
    chat.locator("#send").click()
    chat.locator(".message.bot:has-text('Questura di Sondrio')").first.wait_for(timeout=30_000)
    chat.locator("#text").fill("voglio parlare con un mediatore")
    chat.locator("#send").click()
    chat.locator(".buttons button:has-text('✅')").first.click(timeout=30_000)
    refused = translations("it")("All right, I pass nothing on. You can also contact a desk yourself.")
    chat.locator(f".message.bot:has-text('{refused}')").first.wait_for(timeout=30_000)
    context.close()

    database = sqlite3.connect(running_bot.state / "ponte.db")
    assert database.execute("SELECT count(*) FROM people WHERE channel = 'try' AND key LIKE 'try-%'").fetchone() == (1,)
    assert database.execute("SELECT count(*) FROM referrals WHERE person_key LIKE 'try-%'").fetchone() == (0,)
