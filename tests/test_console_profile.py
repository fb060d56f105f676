"""One's own account at the console: the password, and the second factor."""

from __future__ import annotations

import html
import re
import threading
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.console import accounts, second_factor
from bot.database.tables import Account, RecoveryCode, SignInAttempt, sessions, utc_now
from tests.test_console import PASSWORD, Browser, anna, app, audited, catalog_dir, cli, make_account  # noqa: F401

NEW = "cinque parole messe proprio insieme"


def csrf(browser):
    return re.search(r'name="csrf" value="([^"]+)"', browser.get("/console/profile").text)[1]


def sends(browser, path, **fields):
    return browser.post(f"/console/profile/{path}", data={"csrf": csrf(browser), **fields})


def account():
    with sessions()() as session:
        return session.scalars(sa.select(Account)).one()


def code(offset=0):
    """What the phone shows now, or that many steps later."""
    return pyotp.TOTP(account().totp_secret).at(utc_now(), counter_offset=offset)


def a_while_later():
    """The codes used so far were used long ago."""
    with sessions().begin() as session:
        session.execute(sa.update(Account).values(totp_last_step=0))


@pytest.fixture
def recovery_codes(anna):  # noqa: F811
    """The second factor is on."""
    sends(anna, "second-factor/begin", current=PASSWORD)
    page = sends(anna, "second-factor/confirm", code=code())
    assert page.status_code == 200
    a_while_later()
    return re.findall(r"<code>([^<]+)</code>", page.text)


@pytest.fixture
def asked(app, recovery_codes):  # noqa: F811
    """A browser that gave the password and is asked for the code."""
    return password_given(Browser(app))


def password_given(browser):
    page = browser.sign_in()
    assert page.status_code == 200 and 'name="ticket"' in page.text
    browser.waiting = page
    return browser


def gives(browser, typed):
    return browser.post("/console/sign-in/code", data=browser.form(browser.waiting, code=typed))


# The password


def test_a_new_password_needs_the_present_one_and_signs_out_everywhere_else(anna, app):  # noqa: F811
    elsewhere = Browser(app)
    elsewhere.sign_in()

    assert sends(anna, "password", current="sbagliata", password=NEW, repeated=NEW).status_code == 422
    assert sends(anna, "password", current=PASSWORD, password=NEW, repeated=NEW + "x").status_code == 422
    assert sends(anna, "password", current=PASSWORD, password="breve", repeated="breve").status_code == 422
    assert elsewhere.get("/console/services").url.path == "/console/services"
    changed = sends(anna, "password", current=PASSWORD, password=NEW, repeated=NEW)

    assert changed.status_code == 200 and "è cambiata" in changed.text
    assert elsewhere.get("/console/services").url.path == "/console/sign-in"
    assert Browser(app).sign_in(password=PASSWORD).status_code == 401
    assert Browser(app).sign_in(password=NEW).status_code == 200


def test_guesses_at_the_present_password_are_counted(anna):  # noqa: F811
    answers = [
        sends(anna, "password", current="sbagliata", password=NEW, repeated=NEW)
        for _ in range(accounts.MOST_ATTEMPTS_PER_ACCOUNT)
    ]
    assert all("Troppi tentativi" not in one.text for one in answers)

    assert "Troppi tentativi" in sends(anna, "password", current=PASSWORD, password=NEW, repeated=NEW).text


# Turning it on and off


def test_the_second_factor_is_set_up_by_picture_link_or_key(anna):  # noqa: F811
    assert sends(anna, "second-factor/begin", current="sbagliata").status_code == 422
    page = sends(anna, "second-factor/begin", current=PASSWORD).text

    link = urlsplit(html.unescape(re.search(r'href="(otpauth:[^"]+)"', page)[1]))
    given = parse_qs(link.query)
    assert (link.netloc, link.path, given["issuer"]) == ("totp", "/Ponte:Anna", ["Ponte"])
    assert given["secret"] == [account().totp_secret] and account().totp_secret in page
    assert 'src="data:image/svg+xml' in page
    assert account().totp_since is None


def test_it_is_on_only_after_a_right_code(anna, app):  # noqa: F811
    sends(anna, "second-factor/begin", current=PASSWORD)

    assert sends(anna, "second-factor/confirm", code="000000" if code() != "000000" else "1").status_code == 422
    assert Browser(app).sign_in().url.path == "/console/services"
    assert len(set(re.findall(r"<code>([^<]+)</code>", sends(anna, "second-factor/confirm", code=code()).text))) == 8
    assert 'name="ticket"' in Browser(app).sign_in().text
    assert audited("second factor on")


def test_the_key_and_the_recovery_codes_are_shown_once_and_the_codes_kept_as_hashes(anna, recovery_codes):  # noqa: F811
    page = anna.get("/console/profile").text

    assert account().totp_secret not in page and not any(one in page for one in recovery_codes)
    with sessions()() as session:
        hashes = session.scalars(sa.select(RecoveryCode.code_hash)).all()
    assert len(hashes) == len(recovery_codes) == 8
    assert all(one.startswith("$argon2id$") for one in hashes)


def test_others_can_write_while_the_recovery_codes_are_hashed(anna, monkeypatch):  # noqa: F811
    hash_password = accounts.hash_password

    def hashes_while_another_writes(password):
        with sessions().begin() as session:
            session.add(SignInAttempt(key="another", at=utc_now()))
        return hash_password(password)

    sends(anna, "second-factor/begin", current=PASSWORD)
    monkeypatch.setattr(accounts, "hash_password", hashes_while_another_writes)

    assert sends(anna, "second-factor/confirm", code=code()).status_code == 200
    with sessions()() as session:
        assert len(session.scalars(sa.select(SignInAttempt).where(SignInAttempt.key == "another")).all()) == 8


def test_turning_it_off_needs_the_password(anna, app, recovery_codes):  # noqa: F811
    assert sends(anna, "second-factor/off", current="sbagliata").status_code == 422
    assert 'name="ticket"' in Browser(app).sign_in().text

    sends(anna, "second-factor/off", current=PASSWORD)

    assert Browser(app).sign_in().url.path == "/console/services"
    with sessions()() as session:
        assert session.scalars(sa.select(RecoveryCode)).all() == []


def test_setting_it_up_again_cannot_replace_one_that_is_on(anna, recovery_codes):  # noqa: F811
    secret = account().totp_secret

    sends(anna, "second-factor/begin", current=PASSWORD)

    assert account().totp_secret == secret


@pytest.mark.parametrize("path", ["password", "second-factor/begin", "second-factor/confirm", "second-factor/off"])
@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_forged_form_changes_nothing(anna, path, token):  # noqa: F811
    before = account()
    fields = {"csrf": token, "current": PASSWORD, "password": NEW, "repeated": NEW, "code": "1"}

    assert anna.post(f"/console/profile/{path}", data=fields).status_code == 403
    assert (account().password_hash, account().totp_secret) == (before.password_hash, before.totp_secret)


# Signing in with it


def test_the_password_alone_lets_nobody_in(asked):
    assert asked.get("/console/services").url.path == "/console/sign-in"


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_code_of_now_and_its_neighbours_let_in(asked, offset):
    assert gives(asked, f"{code(offset)[:3]} {code(offset)[3:]}").url.path == "/console/services"
    assert audited("sign in, code")


@pytest.mark.parametrize("offset", [-3, 3])
def test_other_codes_do_not(asked, offset):
    assert gives(asked, code(offset)).status_code == 401
    assert asked.get("/console/services").url.path == "/console/sign-in"


@pytest.mark.parametrize("typed", ["", "x", "٠٠٠٠٠٠", "1234567", "aaaa-aaaa-aaaa", "\x00", "é" * 20])
def test_nonsense_does_not_let_in(asked, typed):
    assert gives(asked, typed).status_code == 401


def test_a_code_is_good_once(asked, app):  # noqa: F811
    used = code()
    assert gives(asked, used).status_code == 200
    second = password_given(Browser(app))

    assert gives(second, used).status_code == 401
    assert gives(second, code(-1)).status_code == 401  # nor one from before it
    assert gives(second, code(1)).status_code == 200


def test_of_many_who_send_the_same_code_at_once_one_comes_in(recovery_codes):
    number, typed, start, came = account().id, code(), threading.Barrier(6), []

    def tries():
        start.wait()
        with sessions().begin() as session:
            came.append(second_factor.spend(session, session.get_one(Account, number), typed, utc_now()))

    threads = [threading.Thread(target=tries) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came, key=str) == [None] * 5 + ["code"]


def test_a_recovery_code_lets_in_once(asked, app, recovery_codes):  # noqa: F811
    one, other = recovery_codes[:2]
    assert gives(asked, one.upper()).url.path == "/console/services"
    assert "Restano 7 codici" in asked.get("/console/profile").text
    second = password_given(Browser(app))

    assert gives(second, one).status_code == 401
    assert gives(second, other).status_code == 200
    assert len(audited("sign in, recovery code")) == 2


@pytest.mark.parametrize(
    "spelled",
    [
        lambda code: code.replace("-", ""),
        lambda code: f" {code.replace('-', ' ')} ",
        lambda code: code.replace("-", "").upper(),
        lambda code: code.replace("-", "\N{EN DASH}"),
    ],
    ids=["no dashes", "spaces", "capitals", "long dashes"],
)
def test_a_recovery_code_may_be_typed_without_its_dashes(asked, recovery_codes, spelled):
    assert gives(asked, spelled(recovery_codes[0])).url.path == "/console/services"
    assert audited("sign in, recovery code")


def test_too_many_codes_close_the_way_for_a_while_and_the_password_does_not_open_it(asked, app):  # noqa: F811
    for _ in range(second_factor.MOST_ATTEMPTS):
        assert gives(asked, "aaaaaa").status_code == 401

    assert gives(asked, code()).status_code == 429
    again = password_given(Browser(app))
    assert gives(again, code()).status_code == 429
    with sessions().begin() as session:
        session.execute(sa.update(SignInAttempt).values(at=utc_now() - accounts.ATTEMPTS_LAST - timedelta(seconds=1)))
    assert gives(again, code()).status_code == 200


@pytest.mark.parametrize(
    "forgery", ["none", "another account", "later", "another browser", "old", "after a new password"]
)
def test_a_ticket_is_for_one_account_one_browser_and_a_few_minutes(asked, app, make_account, forgery):  # noqa: F811
    fields = asked.form(asked.waiting, code=code())
    ticket, browser = fields["ticket"][0], asked
    number, until, seal = ticket.split(".")
    if forgery == "none":
        fields["ticket"] = "1.2"
    elif forgery == "another account":
        fields["ticket"] = f"{int(number) + 1}.{until}.{seal}"
    elif forgery == "later":
        fields["ticket"] = f"{number}.{int(until) + 600}.{seal}"
    elif forgery == "another browser":
        browser = Browser(app)
        fields["csrf"] = browser.form("/console/sign-in")["csrf"]
    elif forgery == "old":
        fields["ticket"] = second_factor.ticket(account(), asked.cookies["ponte_visit"], utc_now() - timedelta(hours=1))
    else:
        with sessions().begin() as session:
            session.execute(sa.update(Account).values(password_hash=accounts.hash_password(NEW)))

    assert browser.post("/console/sign-in/code", data=fields).status_code == 401
    assert browser.get("/console/services").url.path == "/console/sign-in"


def test_the_database_is_not_asked_for_a_number_that_it_cannot_hold():
    """PostgreSQL's integers end at 2 ** 31 - 1, and it refuses to look up a greater one."""
    with Session() as without_database:
        assert second_factor.of_ticket(without_database, f"{2**31}.9999999999.{'0' * 64}", "", utc_now()) is None


def test_what_was_typed_before_the_session_ended_comes_through_the_second_factor_too(asked, anna):  # noqa: F811
    fields = {**anna.form("/console/ambiti/sondrio/anagrafe-sondrio"), "name": "Nome nuovo"}
    address = "/console/ambiti/sondrio/anagrafe-sondrio"
    ended = asked.post(address, data={**fields, "csrf": asked.form(asked.waiting)["csrf"]})
    asked.waiting = asked.post("/console/sign-in", data=asked.form(ended, name="Anna", password=PASSWORD))

    kept = gives(asked, code())

    assert kept.status_code == 200
    assert asked.form(kept)["name"] == ["Nome nuovo"]


@pytest.mark.parametrize(("words", "is_asked"), [((), True), (("--without-second-factor",), False)])
def test_a_reset_keeps_the_second_factor_unless_told_otherwise(app, recovery_codes, cli, capsys, words, is_asked):  # noqa: F811
    assert cli("reset", "Anna", *words) == 0
    link = capsys.readouterr().out.split()[-1].partition("/console")[2]
    browser = Browser(app)
    browser.post(f"/console{link}", data=browser.form(f"/console{link}", password=NEW, repeated=NEW))

    assert ('name="ticket"' in browser.sign_in(password=NEW).text) == is_asked
