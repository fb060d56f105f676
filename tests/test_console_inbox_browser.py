"""The inbox in a real Chromium, with the real gateway and Telegram's side of the conversation."""

from __future__ import annotations

import os
import re

import pyotp
import pytest

from bot.database.tables import Account, Mediator, sessions, utc_now
from tests.mediation import eventually, mediation_bot, referral
from tests.test_console import PASSWORD
from tests.test_console_browser import is_sound, page, pytestmark  # noqa: F401

SHOTS = os.environ.get("PONTE_SCREENSHOTS")


@pytest.fixture(scope="module")
def bot(tmp_path_factory):
    with mediation_bot(tmp_path_factory.mktemp("inbox")) as running:
        running.wait_until_serving()
        yield running


def shoot(page, name):  # noqa: F811
    """For a person to look at, where a folder is named."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-{page.viewport_size['width']}.png", full_page=True)


def visits(page, bot, path):  # noqa: F811
    page.goto(f"http://127.0.0.1:{bot.ports[0]}/console/{path}")
    assert is_sound(page)


def enters(page, bot, name, *options):  # noqa: F811
    """Open an invitation, choose a password, sign in."""
    link = re.search(r"/console/(invitation/\S+)", bot.cli("console", "invite", name, *options))
    assert link
    visits(page, bot, link[1])
    page.fill("#password", PASSWORD)
    page.fill("#repeated", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/console/sign-in")
    signs_in(page, name)


def signs_in(page, name):  # noqa: F811
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("main button")


def number_of(name):
    with sessions()() as session:
        return str(session.query(Mediator.id).filter(Mediator.name == name).order_by(Mediator.id.desc()).first()[0])


def test_a_mediator_takes_a_case_at_the_desk_and_writes_with_the_person(bot, page):  # noqa: F811
    name = f"Amina {page.viewport_size['width']}"
    amina, other = bot.mediator(name, "ar,it"), bot.mediator("Omar", "ar")
    enters(page, bot, name, "--role", "mediator", "--mediator", number_of(name))
    page.wait_for_url("**/console/inbox")
    person = bot.person()
    pseudonym = referral(person.referral).pseudonym
    other.is_offered(person.referral)
    page.wait_for_selector(f"#queue >> text={pseudonym}", timeout=25_000)  # by itself
    assert is_sound(page)
    shoot(page, "inbox")
    page.click(f"text={pseudonym}")
    assert is_sound(page)
    person.mark()
    amina.mark()
    page.click("[value=take]")
    page.wait_for_selector("#conversation")
    person.hears(name)
    amina.hears("What you write now goes to this person")
    gone = bot.telegram.wait_for(other.id, lambda m: name in m.get("text", ""))
    assert gone["method"] == "editMessageText"

    page.fill("#text", "Buongiorno, come posso aiutarla?")
    page.click("[value=say]")
    page.wait_for_selector("#conversation >> text=Buongiorno")
    assert person.hears("Buongiorno")["text"] == "Buongiorno, come posso aiutarla?"
    amina.hears("Buongiorno")
    page.fill("#text", "sto ancora scriv")
    person.says("أحتاج إلى موعد")
    bot.telegram.send_photo(person.id)
    page.wait_for_selector("#conversation >> text=أحتاج إلى موعد")
    page.wait_for_selector("#conversation >> text=Foto")
    assert page.input_value("#text") == "sto ancora scriv"
    amina.says("scritto dal telefono")
    page.wait_for_selector("#conversation >> text=scritto dal telefono")
    page.wait_for_selector("#conversation .mine >> text=consegnato")
    assert is_sound(page)
    shoot(page, "case")

    page.select_option("#outcome", "answered")
    page.click("[value=close]")
    page.wait_for_url("**/console/inbox")
    amina.hears("Closed")
    assert referral(person.referral).outcome == "answered"
    for chat in (amina, other):
        chat.says("/leave")
        chat.hears("no longer a mediator")
    page.reload()
    page.wait_for_url("**/console/sign-in**")
    assert bot.telegram.errors == []


def test_a_coordinator_invites_watches_and_removes(bot, page):  # noqa: F811
    width = page.viewport_size["width"]
    sara = bot.mediator(f"Sara {width}", "ar,it")
    person = bot.person()
    sara.takes(person)
    enters(page, bot, f"Carla {width}", "--role", "administrator")
    page.wait_for_url("**/console/services")
    visits(page, bot, f"inbox/{person.referral}")
    shoot(page, "watched")
    visits(page, bot, "mediators")
    page.fill("#name", "Nuova <b>")
    page.check("#l-ar")
    page.click("text=Crea l'invito")
    link = page.text_content(".alert code")
    assert link.startswith("https://t.me/ponte_test_bot?start=m-")
    assert is_sound(page)
    shoot(page, "mediators")

    sara.mark()
    page.click(f"text=Dai l'accesso alla console: Sara {width}")
    sara.hears("/console/invitation/")
    row = page.locator("li", has=page.locator("h2", has_text=f"Sara {width}"))
    row.get_by_role("checkbox").check()
    sara.mark()
    row.get_by_role("button", name="Togli").click()
    sara.hears("no longer a mediator")
    eventually(lambda: referral(person.referral).state == "waiting")
    person.says("/stop")
    eventually(lambda: referral(person.referral).state == "closed")
    assert bot.telegram.errors == []


def test_the_second_factor_from_the_picture_to_the_next_sign_in(bot, page):  # noqa: F811
    name = f"Ada {page.viewport_size['width']}"
    enters(page, bot, name, "--role", "administrator")
    visits(page, bot, "profile")
    page.fill("#current-on", PASSWORD)
    page.click("text=Comincia")
    page.wait_for_selector("img.qr")
    assert page.evaluate("document.querySelector('img.qr').naturalWidth") > 100
    assert is_sound(page)
    shoot(page, "second-factor")

    def code(offset):
        with sessions()() as session:
            secret = session.query(Account.totp_secret).filter(Account.name == name).scalar()
        return pyotp.TOTP(secret).at(utc_now(), counter_offset=offset)

    page.fill("#code", code(0))
    page.click("text=Attivalo")
    page.wait_for_selector(".codes")
    assert is_sound(page)
    shoot(page, "recovery-codes")
    page.click("text=Esci")
    signs_in(page, name)
    page.wait_for_selector("#code")
    assert is_sound(page)
    page.fill("#code", code(1))
    page.click("main button")
    page.wait_for_url("**/console/services")
