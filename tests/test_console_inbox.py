"""The inbox over HTTP: who may see and do what, and that the console and Telegram tell the same story."""

from __future__ import annotations

import html
import random
import re
import threading
import time
from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from bot.console import accounts, inbox
from bot.database.tables import (
    Account,
    Audit,
    ConsoleSession,
    Copy,
    Inbound,
    Mediator,
    Note,
    Outbound,
    Person,
    Referral,
    sessions,
    utc_now,
)
from bot.i18n import translations
from bot.mediation import cases, desk, mediators
from bot.mediation.codes import codes
from bot.mediation.mail import mail
from bot.settings import settings
from tests.mediation import environment, referral
from tests.test_console import PASSWORD, Browser, app, audited, catalog_dir, cli, make_account  # noqa: F401
from tests.test_mediation import make_mediator, make_person, make_referral

ONCE, MESSAGE_IDS = count(1), count(100)


@pytest.fixture
def sign_in(app):  # noqa: F811
    def start(name="Amina", role="mediator", mediator=None):
        with sessions().begin() as session:
            token = accounts.invite(session, name, role, [], utc_now(), mediator.id if mediator else None)
            account = accounts.invited(session, token, utc_now())
            assert accounts.accept_invitation(session, account, token, PASSWORD)
        browser = Browser(app)
        browser.sign_in(name)
        return browser

    return start


@pytest.fixture
def amina(catalog_dir):  # noqa: F811
    return make_mediator(("ar",), ("Lodi",))


@pytest.fixture
def desk_of_amina(sign_in, amina):
    return sign_in(mediator=amina)


@pytest.fixture
def carla(sign_in):
    """A coordinator who is no mediator."""
    return sign_in("Carla", "coordinator")


def csrf(browser):
    return html.unescape(re.search(r'name="csrf" value="([^"]+)"', browser.get("/console/profile").text)[1])


def acts(browser, number, act, **fields):
    fields = {"csrf": csrf(browser), "once": f"once-{next(ONCE)}", "act": act, **fields}
    return browser.post(f"/console/inbox/{number}", data=fields)


def takes(mediator, number):
    with mail() as post:
        assert cases.take(post, number, post.session.get_one(Mediator, mediator.id), utc_now())


def taken_by(mediator, **more):
    number = make_referral(**more)
    takes(mediator, number)
    return number


def person_of(number):
    with sessions()() as session:
        return session.scalar(sa.select(Person).where(Person.key == session.get_one(Referral, number).person_key))


def phone_of(mediator):
    with sessions()() as session:
        return session.get_one(Person, mediator.person_id)


def said_to(person_id):
    with sessions()() as session:
        told = sa.select(Outbound).where(Outbound.person_id == person_id).order_by(Outbound.id)
        return [one.body["text"] for one in session.scalars(told)]


def writes(person, text, kind="text", **more):
    """Somebody writes in Telegram; the id of the message."""
    number = more.pop("message_id", next(MESSAGE_IDS))
    with sessions().begin() as session:
        values = {"person_id": person.id, "external_id": str(next(MESSAGE_IDS)), "message_id": number}
        session.add(Inbound(kind=kind, body=text, **values, **more))
    assert desk.handle_next(person.id).is_done
    return number


def closes(number, outcome="answered"):
    with mail() as post:
        assert cases.close(post, post.session.get_one(Referral, number), outcome, "test", utc_now())


def actions_of(number):
    with sessions()() as session:
        query = sa.select(Audit.actor, Audit.action).where(Audit.referral_id == number).order_by(Audit.id)
        return [tuple(row) for row in session.execute(query)]


# The queue


def test_a_mediator_sees_what_they_have_and_what_waits_for_somebody_like_them(desk_of_amina, amina):
    mine, waiting = taken_by(amina), make_referral()
    foreign = taken_by(make_mediator(("ar",), ("Lodi",)))
    unspoken = make_referral("bn")

    page = desk_of_amina.get("/console/inbox").text

    assert f'/console/inbox/{mine}"' in page and f'/console/inbox/{waiting}"' in page
    assert f'/console/inbox/{foreign}"' not in page and f'/console/inbox/{unspoken}"' not in page


def test_a_coordinator_sees_every_open_request_and_who_has_it(carla, amina):
    numbers = [taken_by(amina), make_referral("bn"), make_referral()]
    closes(numbers[2])

    page = carla.get("/console/inbox").text

    assert [f'/console/inbox/{number}"' in page for number in numbers] == [True, True, False]
    assert amina.name in page


def test_who_has_waited_longest_is_on_top_and_the_time_is_true(carla, amina):
    late, early, answered = make_referral(), make_referral(), taken_by(amina)
    now = utc_now()
    with sessions().begin() as session:
        session.get_one(Referral, late).consented_at = now - timedelta(minutes=7)
        session.get_one(Referral, early).consented_at = now - timedelta(hours=26, minutes=5)
        one = session.get_one(Referral, answered)
        one.consented_at, one.person_wrote_at = now - timedelta(days=3), now - timedelta(days=2)
        one.first_reply_at = one.mediator_wrote_at = now - timedelta(days=1)

    page = carla.get("/console/inbox").text

    places = [page.index(f'/console/inbox/{number}"') for number in (early, late, answered)]
    assert places == sorted(places)
    assert "1 g 2 h" in page and "7 min" in page
    assert "tocca alla persona" in page


def test_a_person_who_wrote_again_waits_since_then(carla, amina):
    number, now = taken_by(amina), utc_now()
    with sessions().begin() as session:
        one = session.get_one(Referral, number)
        one.consented_at, one.first_reply_at = now - timedelta(days=3), now - timedelta(days=2)
        one.mediator_wrote_at, one.person_wrote_at = now - timedelta(days=1), now - timedelta(minutes=95)

    assert "1 h 35 min" in carla.get("/console/inbox").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        *[("state=waiting", True), ("state=taken", False), ("language=ar", True), ("language=fr", False)],
        *[("need=residence_permit", True), ("need=housing", False), ("ambito=Lodi", True), ("ambito=Sondrio", False)],
    ],
)
def test_the_queue_can_be_filtered(carla, query, found):
    number = make_referral()

    assert (f'/console/inbox/{number}"' in carla.get(f"/console/inbox?{query}").text) == found


def test_an_operator_has_no_inbox(app, make_account):  # noqa: F811
    make_account()
    anna = Browser(app)
    anna.sign_in()

    assert anna.get("/console/inbox").status_code == 403
    assert anna.get(f"/console/inbox/{make_referral()}").status_code == 403
    assert anna.get("/console/mediators").status_code == 403
    assert "/console/inbox" not in anna.get("/console/services").text


def test_a_mediator_begins_at_the_inbox_and_has_no_catalogue(desk_of_amina):
    assert desk_of_amina.get("/console/").url.path == "/console/inbox"
    assert desk_of_amina.get("/console/ambiti/sondrio/anagrafe-sondrio").status_code == 403


def test_a_mediator_who_has_not_opened_their_telegram_invitation_is_told_so(sign_in):
    with sessions().begin() as session:
        number, _ = mediators.invite(session, "Sara", ["ar"], False, utc_now())
        sara = session.get_one(Mediator, number)

    assert sign_in("Sara", mediator=sara).get("/console/inbox").status_code == 403


# One request


def test_taking_at_the_console_is_taking(desk_of_amina, amina):
    other = make_mediator(("ar",), ("Lodi",))
    number = make_referral()

    assert acts(desk_of_amina, number, "take").url.path == f"/console/inbox/{number}"

    assert (referral(number).state, referral(number).mediator_id) == ("taken", amina.id)
    assert any(amina.name in text for text in said_to(person_of(number).id))
    assert any("What you write now goes to this person" in text for text in said_to(amina.person_id))
    with mail() as post:
        assert not cases.take(post, number, post.session.get_one(Mediator, other.id), utc_now())


def test_of_console_and_telegram_exactly_one_takes(sign_in):
    """Half of those who tap sit at the console, half in Telegram: these wait for about as long as a page takes."""
    people = [make_mediator(("ar",), ("Lodi",)) for _ in range(8)]
    browsers = {one.id: sign_in(one.name, mediator=one) for one in people[:4]}
    tokens = {number: csrf(browser) for number, browser in browsers.items()}
    at_console = 0
    for _ in range(20):
        number, start, won = make_referral(), threading.Barrier(len(people)), []

        def tap(one, number=number, start=start, won=won):
            start.wait()
            if one.id in browsers:
                fields = {"csrf": tokens[one.id], "act": "take"}
                answer = browsers[one.id].post(f"/console/inbox/{number}", data=fields, follow_redirects=False)
                if answer.status_code == 303:
                    won.append(one.id)
                else:
                    assert answer.status_code in (404, 409)
                return
            time.sleep(random.uniform(0, 0.1))
            with mail() as post:
                if cases.take(post, number, post.session.get_one(Mediator, one.id), utc_now()):
                    won.append(one.id)

        threads = [threading.Thread(target=tap, args=(one,)) for one in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert referral(number).mediator_id == won[0]
        at_console += won[0] in browsers
    print(f"20 requests, 8 takers each: one took each; {at_console} at the console")


def test_of_two_at_the_console_one_takes_and_the_other_hears_it(sign_in, desk_of_amina):
    his = sign_in("Omar", mediator=make_mediator(("ar",), ("Lodi",)))
    number = make_referral()
    assert his.get(f"/console/inbox/{number}").status_code == 200

    acts(desk_of_amina, number, "take")
    late = acts(his, number, "take")

    assert late.status_code == 404 and "ce l&#39;ha qualcun altro" in late.text


def test_what_is_written_at_the_console_reaches_the_person_and_the_mediators_own_chat(desk_of_amina, amina):
    number = taken_by(amina)
    text = 'Buongiorno <b>,\nvenga "domani" & porti l\'originale'

    page = acts(desk_of_amina, number, "say", text=text.replace("\n", "\r\n")).text

    assert said_to(person_of(number).id)[-1] == text
    assert said_to(amina.person_id)[-1] == text
    assert text in html.unescape(page) and "<b>," not in page
    assert referral(number).first_reply_at
    with sessions()() as session:
        told = session.scalars(sa.select(Outbound).where(Outbound.person_id == amina.person_id)).all()[-1]
        assert told.body["title"] == f"➡️ {referral(number).pseudonym}"


def test_messages_keep_their_order_whether_written_here_or_in_telegram(desk_of_amina, amina):
    number = taken_by(amina)
    for index in range(6):
        if index % 2:
            writes(phone_of(amina), f"riga {index}")
        else:
            acts(desk_of_amina, number, "say", text=f"riga {index}")

    assert said_to(person_of(number).id)[-6:] == [f"riga {index}" for index in range(6)]


def test_the_conversation_shows_both_sides_and_marks_what_is_on_telegram_only(desk_of_amina, amina):
    number = taken_by(amina)
    person = person_of(number)
    writes(person, "مرحبا <i>")
    writes(person, '{"file_id": "secret-file", "caption": "la lettera"}', "photo")
    writes(person, '{"file_id": "secret-file", "caption": null}', "voice")
    writes(person, "45.464,9.19", "location")
    writes(phone_of(amina), "scritto dal telefono")

    page = desk_of_amina.get(f"/console/inbox/{number}").text

    said = ["مرحبا &lt;i&gt;", "Foto", "la lettera", "Messaggio vocale", "mlat=45.464", "scritto dal telefono"]
    places = [page.index(text) for text in said]
    assert places == sorted(places)
    assert "secret-file" not in page


def test_a_message_says_whether_it_arrived(desk_of_amina, amina):
    number = taken_by(amina)
    page = acts(desk_of_amina, number, "say", text="una riga").text
    assert "in arrivo" in page
    with sessions().begin() as session:
        session.execute(sa.update(Copy).where(Copy.text == "una riga").values(sent_at=utc_now()))
        session.execute(sa.delete(Outbound))
    assert "consegnato" in desk_of_amina.get(f"/console/inbox/{number}").text
    with sessions().begin() as session:
        session.execute(sa.update(Copy).values(sent_at=None))
    assert "non consegnato" in desk_of_amina.get(f"/console/inbox/{number}").text


def test_edits_and_deletions_show_too(desk_of_amina, amina):
    number = taken_by(amina)
    person = person_of(number)
    message = writes(person, "sbaliato")
    writes(person, "giusto", "edit", message_id=message)
    page = desk_of_amina.get(f"/console/inbox/{number}").text
    assert "giusto" in page and "sbaliato" not in page

    writes(person, "/delete", "payload", reply_to=message)

    page = desk_of_amina.get(f"/console/inbox/{number}").text
    assert "giusto" not in page and "Cancellato" in page


def leaves_a_message(number, text):
    with sessions().begin() as session:
        session.get_one(Referral, number).leaves_message = True
    return writes(person_of(number), text)


def test_what_a_person_left_before_is_there_once_it_is_taken(desk_of_amina):
    number = make_referral()
    leaves_a_message(number, "chiamatemi domani")
    assert "chiamatemi" not in desk_of_amina.get(f"/console/inbox/{number}").text

    assert "chiamatemi domani" in acts(desk_of_amina, number, "take").text


def test_a_message_that_was_left_and_then_deleted_is_never_passed_on(amina):
    number = make_referral()
    message = leaves_a_message(number, "ci ho ripensato")
    writes(person_of(number), "/delete", "payload", reply_to=message)

    takes(amina, number)

    assert not any("ripensato" in text for text in said_to(amina.person_id))


def test_words_are_kept_only_for_a_mediator_who_works_at_the_console_and_while_they_have_it(sign_in, amina):
    def kept(number):
        with sessions()() as session:
            query = sa.select(Copy.text).where(Copy.referral_id == number, Copy.text.is_not(None))
            return session.scalars(query).all()

    without = taken_by(make_mediator(("ar",), ("Lodi",)))
    writes(person_of(without), "parole private")
    assert kept(without) == []
    sign_in(mediator=amina)
    number = taken_by(amina)
    writes(person_of(number), "parole private")
    assert kept(number) == ["parole private"]

    closes(number)

    assert kept(number) == []


def test_the_next_mediator_does_not_read_what_was_said_before(desk_of_amina, sign_in, amina):
    omar = make_mediator(("ar",), ("Lodi",))
    his = sign_in("Omar", mediator=omar)
    number = taken_by(amina)
    acts(desk_of_amina, number, "say", text="detto da Amina")

    assert acts(desk_of_amina, number, "give", to=str(omar.id)).url.path == "/console/inbox"

    assert referral(number).mediator_id == omar.id
    assert "detto da Amina" not in his.get(f"/console/inbox/{number}").text
    assert f'/console/inbox/{number}"' in his.get("/console/inbox?mine=yes").text


@pytest.mark.parametrize("code", ["hello", "danger"])
def test_a_phrase_reaches_the_person_in_their_language(desk_of_amina, amina, code):
    number = taken_by(amina)

    acts(desk_of_amina, number, "phrase", phrase=code)

    assert said_to(person_of(number).id)[-1] == translations("ar")(codes()["phrases"][code])


def test_a_note_is_for_colleagues_and_never_for_the_person(desk_of_amina, carla, amina):
    number = taken_by(amina)
    before = said_to(person_of(number).id)

    acts(desk_of_amina, number, "note", note="ha già telefonato <al CAF>")
    acts(carla, number, "note", note="visto anche da me")

    assert "ha già telefonato &lt;al CAF&gt;" in carla.get(f"/console/inbox/{number}").text
    assert "visto anche da me" in desk_of_amina.get(f"/console/inbox/{number}").text
    assert said_to(person_of(number).id) == before


def test_a_coordinator_reassigns_and_closes_but_does_not_read_or_write(carla, desk_of_amina, amina):
    omar = make_mediator(("ar",), ("Lodi",))
    number = taken_by(amina)
    writes(person_of(number), "per Amina sola")
    assert "per Amina sola" in desk_of_amina.get(f"/console/inbox/{number}").text
    assert "per Amina sola" not in carla.get(f"/console/inbox/{number}").text
    assert acts(carla, number, "say", text="eccomi").status_code == 409

    acts(carla, number, "give", to=str(omar.id))
    assert referral(number).mediator_id == omar.id
    assert any("gone to somebody else" in text for text in said_to(amina.person_id))
    acts(carla, number, "close", outcome="sent_to_desk")
    assert (referral(number).state, referral(number).outcome) == ("closed", "sent_to_desk")
    assert "eccomi" not in "".join(said_to(person_of(number).id))


def test_a_coordinator_gives_what_waits_to_a_mediator(carla, amina):
    number = make_referral()

    acts(carla, number, "give", to=str(amina.id))

    assert referral(number).mediator_id == amina.id
    assert ("console:Carla", "give") in actions_of(number)


def test_a_coordinator_who_is_a_mediator_takes_over(sign_in, amina):
    carla_too = make_mediator(("it",))
    browser = sign_in("Carla", "coordinator", carla_too)
    number = taken_by(amina)

    acts(browser, number, "give", to=str(carla_too.id))
    acts(browser, number, "say", text="ora ci sono io")

    assert said_to(person_of(number).id)[-1] == "ora ci sono io"


def test_handing_back_lets_it_wait_for_others(desk_of_amina, amina):
    number = taken_by(amina)

    acts(desk_of_amina, number, "give", to="any")

    assert (referral(number).state, referral(number).mediator_id) == ("waiting", None)


def test_what_happens_in_telegram_shows_at_the_console(desk_of_amina, amina):
    number = taken_by(amina)
    assert desk_of_amina.get(f"/console/inbox/{number}").status_code == 200
    writes(person_of(number), "/stop", "payload")
    assert referral(number).outcome == "ended_by_person"

    assert desk_of_amina.get(f"/console/inbox/{number}").status_code == 404
    assert acts(desk_of_amina, number, "say", text="troppo tardi").status_code == 404
    assert "troppo tardi" not in said_to(person_of(number).id)


def test_the_same_form_sent_twice_is_one_message(desk_of_amina, amina):
    number = taken_by(amina)
    for _ in range(2):
        assert acts(desk_of_amina, number, "say", text="una volta", once="the-same").status_code == 200

    assert said_to(person_of(number).id).count("una volta") == 1


def test_the_pace_is_the_one_of_the_mediators_own_chat(desk_of_amina, amina, monkeypatch):
    number = taken_by(amina)
    monkeypatch.setenv("BOT_MESSAGES_PER_MINUTE", "2")
    settings.cache_clear()

    answers = [acts(desk_of_amina, number, "say", text=f"riga {index}") for index in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert ">riga 2</textarea>" in answers[2].text
    assert "riga 2" not in said_to(person_of(number).id)


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        *[("say", {"text": " \x00 "}), ("say", {"text": "x" * (inbox.LONGEST_TEXT + 1)}), ("note", {"note": ""})],
        *[("phrase", {"phrase": "nothing"}), ("close", {"outcome": "unclaimed"}), ("give", {"to": "999999"})],
    ],
    ids=["empty", "long", "no note", "no phrase", "not an outcome", "nobody"],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(desk_of_amina, amina, act, fields):
    number = taken_by(amina)
    before = said_to(person_of(number).id)

    answer = acts(desk_of_amina, number, act, **fields)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert said_to(person_of(number).id) == before
    assert referral(number).state == "taken"


def test_a_message_typed_before_the_session_ended_is_kept(desk_of_amina, amina):
    number = taken_by(amina)
    fields = {"csrf": csrf(desk_of_amina), "once": "1", "act": "say", "text": "non perdermi"}
    with sessions().begin() as session:
        session.execute(sa.update(ConsoleSession).values(seen_at=utc_now() - timedelta(hours=2)))

    ended = desk_of_amina.post(f"/console/inbox/{number}", data=fields)
    signed_in = desk_of_amina.post("/console/sign-in", data=desk_of_amina.form(ended, name="Amina", password=PASSWORD))
    shown = desk_of_amina.post(f"/console/inbox/{number}", data=desk_of_amina.form(signed_in, act="preview"))

    assert ended.status_code == 401
    assert ">non perdermi</textarea>" in shown.text
    assert "non perdermi" not in said_to(person_of(number).id)


def test_a_page_that_refreshes_itself_does_not_keep_the_session_alive(desk_of_amina):
    last = utc_now() - timedelta(minutes=settings().console_idle_minutes - 1)
    with sessions().begin() as session:
        session.execute(sa.update(ConsoleSession).values(seen_at=last))

    assert desk_of_amina.get("/console/inbox?refresh=").status_code == 200

    with sessions()() as session:
        assert session.scalars(sa.select(ConsoleSession.seen_at)).one() == last


def test_only_pages_that_refresh_themselves_may_run_our_own_script(desk_of_amina, amina):
    for address in ("/console/inbox", f"/console/inbox/{taken_by(amina)}"):
        policy = desk_of_amina.get(address).headers["content-security-policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy and "default-src 'none'" in policy
    assert "script-src" not in desk_of_amina.get("/console/profile").headers["content-security-policy"]


# Who did what


def test_every_look_and_act_is_audited_without_words(desk_of_amina, carla, amina):
    number = make_referral(own_words="parole mie")
    desk_of_amina.get(f"/console/inbox/{number}")
    acts(desk_of_amina, number, "take")
    acts(desk_of_amina, number, "say", text="segreto")
    acts(desk_of_amina, number, "phrase", phrase="hello")
    acts(desk_of_amina, number, "note", note="segreto")
    carla.get(f"/console/inbox/{number}")
    acts(carla, number, "close", outcome="answered")

    done, me = actions_of(number), f"mediator:{amina.id}"
    assert [row for row in done if row[1] != "look"] == [
        ("person", "ask"),
        *[(me, "take"), (me, "write"), (me, "write"), (me, "note")],
        ("console:Carla", "close"),
    ]
    assert (me, "look") in done and ("console:Carla", "look") in done
    with sessions()() as session:
        everything = str(session.execute(sa.text("select * from audit")).all())
        everything += str(session.execute(sa.text("select * from console_audit")).all())
    assert "segreto" not in everything and "parole mie" not in everything


def test_an_open_page_is_one_look_for_a_while_and_a_new_one_another(desk_of_amina, amina):
    number = taken_by(amina)

    def looks(address):
        desk_of_amina.get(address)
        return sum(action == "look" for _, action in actions_of(number))

    assert looks(f"/console/inbox/{number}?refresh=") == 1
    assert looks(f"/console/inbox/{number}?refresh=") == 1
    assert looks(f"/console/inbox/{number}") == 2


# Requests that must be refused

ACTS = {
    "take": {},
    "say": {"text": "falso"},
    "phrase": {"phrase": "hello"},
    "note": {"note": "falso"},
    "give": {"to": "any"},
    "close": {"outcome": "answered"},
}


def everything():
    """All that a forged request could change."""
    with sessions()() as session:
        tables = (Referral, Note, Copy, Outbound, Mediator)
        rows = {table.__tablename__: session.execute(sa.select(table.__table__)).all() for table in tables}
        rows["accounts"] = session.execute(sa.select(Account.id, Account.password_hash, Account.mediator_id)).all()
        return rows


@pytest.mark.parametrize("forgery", ["no token", "wrong token", "another browser's token", "another site", "no cookie"])
@pytest.mark.parametrize("act", ACTS)
def test_a_forged_form_does_nothing(desk_of_amina, app, amina, act, forgery):  # noqa: F811
    number = make_referral() if act == "take" else taken_by(amina)
    fields = {"csrf": csrf(desk_of_amina), "once": "1", "act": act, **ACTS[act]}
    headers, browser = {}, desk_of_amina
    if forgery == "no token":
        del fields["csrf"]
    elif forgery == "wrong token":
        fields["csrf"] = "0" * 64
    elif forgery == "another browser's token":
        fields["csrf"] = Browser(app).form("/console/sign-in")["csrf"][0]
    elif forgery == "another site":
        headers = {"sec-fetch-site": "cross-site"}
    else:
        browser = Browser(app)
    before = everything()

    assert browser.post(f"/console/inbox/{number}", data=fields, headers=headers).status_code == 403
    assert everything() == before


@pytest.mark.parametrize("act", ["look", *ACTS])
@pytest.mark.parametrize("whose", ["another's", "not spoken", "closed", "none", "nonsense"])
def test_another_mediators_case_is_refused(desk_of_amina, amina, act, whose):
    number = {
        "another's": lambda: taken_by(make_mediator(("ar",), ("Lodi",))),
        "not spoken": lambda: make_referral("bn"),
        "closed": lambda: taken_by(amina),
        "none": lambda: 99999,
        "nonsense": lambda: "1%27+or+1=1",
    }[whose]()
    if whose == "closed":
        closes(number)
    token = csrf(desk_of_amina)
    before = everything()

    if act == "look":
        answer = desk_of_amina.get(f"/console/inbox/{number}")
    else:
        fields = {"csrf": token, "once": "1", "act": act, **ACTS[act]}
        answer = desk_of_amina.post(f"/console/inbox/{number}", data=fields)

    assert answer.status_code == 404
    assert everything() == before
    assert audited("refused")


@pytest.mark.parametrize("act", ["say", "phrase", "note", "give", "close"])
def test_a_request_that_only_waits_cannot_be_answered_noted_passed_or_closed(desk_of_amina, act):
    number, token = make_referral(), csrf(desk_of_amina)
    before = everything()

    fields = {"csrf": token, "once": "1", "act": act, **ACTS[act]}
    assert desk_of_amina.post(f"/console/inbox/{number}", data=fields).status_code == 409
    assert everything() == before


@pytest.mark.parametrize("act", ["take", "say", "phrase"])
def test_a_coordinator_who_is_no_mediator_cannot_take_or_write(carla, amina, act):
    number = make_referral() if act == "take" else taken_by(amina)
    token = csrf(carla)
    before = everything()

    fields = {"csrf": token, "once": "1", "act": act, **ACTS[act]}
    assert carla.post(f"/console/inbox/{number}", data=fields).status_code == 409
    assert everything() == before


# The mediators


def test_a_coordinator_invites_a_mediator_by_a_link_that_works_once(carla):
    sent = carla.post("/console/mediators", data=carla.form("/console/mediators", name="Sara", languages=["ar", "it"]))
    start = re.search(r"start=(m-[\w-]+)", sent.text)[1]
    one, two = make_person(), make_person()

    with mail() as post:
        assert mediators.join(post, one, start, utc_now()).languages == ["ar", "it"]
    with mail() as post:
        assert mediators.join(post, two, start, utc_now()) is None
    assert start not in carla.get("/console/mediators").text
    assert audited("invite mediator")[0].service == "Sara"


def test_an_invitation_typed_before_the_session_ended_is_shown_and_not_made_yet(sign_in):
    browser = sign_in("Carla", "administrator")
    typed = {"name": "Sara", "languages": ["ar", "it"], "coordinator": "yes"}
    fields = browser.form("/console/mediators", **typed)
    with sessions().begin() as session:
        session.execute(sa.update(ConsoleSession).values(seen_at=utc_now() - timedelta(hours=2)))

    ended = browser.post("/console/mediators", data=fields)
    signed_in = browser.post("/console/sign-in", data=browser.form(ended, name="Carla", password=PASSWORD))
    shown = browser.post("/console/mediators", data=browser.form(signed_in, act="preview"))

    kept = browser.form(shown)
    assert (kept["name"], sorted(kept["languages"]), kept["coordinator"]) == (["Sara"], ["ar", "it"], ["yes"])
    assert not audited("invite mediator")
    assert "start=m-" in browser.post("/console/mediators", data=kept).text
    assert len(audited("invite mediator")) == 1


@pytest.mark.parametrize(("role", "is_coordinator"), [("coordinator", False), ("administrator", True)])
def test_only_an_administrator_makes_coordinators(sign_in, role, is_coordinator):
    browser = sign_in("Carla", role)

    browser.post("/console/mediators", data=browser.form("/console/mediators", name="Sara", coordinator="yes"))

    with sessions()() as session:
        assert session.scalars(sa.select(Mediator.is_coordinator)).one() == is_coordinator


def test_the_list_says_who_is_on_duty_and_with_how_many_requests(carla, amina):
    for _ in range(2):
        taken_by(amina)

    page = carla.get("/console/mediators").text

    assert "In servizio" in page and "2 richieste aperte" in page and "Lodi" in page and "arabo" in page


def test_a_mediator_gets_the_link_to_the_console_in_their_own_chat_only(carla, app, amina):  # noqa: F811
    sent = carla.post(f"/console/mediators/{amina.id}/account", data={"csrf": csrf(carla)})

    [link] = [text for text in said_to(amina.person_id) if "/console/invitation/" in text]
    assert "/console/invitation/" not in sent.text
    browser, address = Browser(app), link.removeprefix(settings().web_url)
    browser.post(address, data=browser.form(address, password=PASSWORD, repeated=PASSWORD))
    assert browser.sign_in(amina.name).url.path == "/console/inbox"


def test_a_removed_mediator_loses_the_console_at_once_and_what_they_had_waits(desk_of_amina, carla, amina):
    number = taken_by(amina)
    assert desk_of_amina.get(f"/console/inbox/{number}").status_code == 200

    carla.post(f"/console/mediators/{amina.id}/remove", data={"csrf": csrf(carla), "sure": "yes"})

    assert desk_of_amina.get(f"/console/inbox/{number}").url.path == "/console/sign-in"
    assert desk_of_amina.sign_in("Amina").status_code == 401
    assert referral(number).state == "waiting"
    with sessions()() as session:
        assert session.get_one(Mediator, amina.id).removed_at
        assert session.scalar(sa.select(Account).where(Account.name == "Amina")) is None


def test_a_mediator_who_leaves_in_telegram_leaves_the_console_too(desk_of_amina, amina):
    writes(phone_of(amina), "/leave")

    assert desk_of_amina.get("/console/inbox").url.path == "/console/sign-in"


def test_a_coordinator_who_is_removed_as_a_mediator_stays_a_coordinator(sign_in, amina):
    browser = sign_in("Carla", "coordinator", amina)
    with mail() as post:
        mediators.remove(post, post.session.get_one(Mediator, amina.id), "operator", utc_now())

    assert browser.get("/console/inbox").url.path == "/console/inbox"


@pytest.mark.parametrize("address", ["", "/{}/remove", "/{}/account"])
@pytest.mark.parametrize("who", ["mediator", "operator", "forged", "nobody"])
def test_mediators_are_for_coordinators_alone(app, sign_in, make_account, amina, address, who):  # noqa: F811
    if who == "mediator":
        browser = sign_in(mediator=amina)
    elif who == "operator":
        make_account()
        browser = Browser(app)
        browser.sign_in()
    else:
        browser = sign_in("Carla", "coordinator")
    fields = {"csrf": "0" * 64 if who == "forged" else csrf(browser), "sure": "yes", "name": "Falso"}
    if who == "nobody":
        browser = Browser(app)
    before = everything()

    assert browser.post("/console/mediators" + address.format(amina.id), data=fields).status_code == 403
    assert everything() == before


@pytest.mark.parametrize(
    ("words", "is_right"),
    [
        *[(("--role", "mediator", "--mediator", "1"), True), (("--role", "mediator"), False)],
        *[(("--role", "mediator", "--mediator", "99"), False), (("--role", "coordinator", "--mediator", "1"), True)],
        (("--role", "operator", "--ambito", "sondrio", "--mediator", "1"), False),
    ],
    ids=str,
)
def test_an_account_is_bound_to_a_mediator_on_the_command_line(cli, amina, words, is_right):  # noqa: F811
    assert amina.id == 1
    assert cli("invite", "Amina", *words) == (0 if is_right else 1)
    assert cli("invite", "Amina due", *words) == 1


def test_the_migration_keeps_accounts_and_their_sessions(tmp_path):
    from alembic import command

    from bot.database.migrate import alembic_config

    with environment({"BOT_STATE_DIR": str(tmp_path), "BOT_DATABASE_URL": ""}):
        command.upgrade(alembic_config(), "0003")
        with sessions().begin() as session:
            for row in (
                "accounts (id, name, role, ambiti, created_at) VALUES (1, 'Anna', 'operator', '[]', '2026-01-01')",
                "console_sessions (token_hash, account_id, created_at, seen_at) VALUES ('x', 1, '2026-01-01', '2026')",
            ):
                session.execute(sa.text(f"INSERT INTO {row}"))
        command.upgrade(alembic_config(), "head")
        with sessions()() as session:
            assert session.scalars(sa.select(ConsoleSession.token_hash)).all() == ["x"]
