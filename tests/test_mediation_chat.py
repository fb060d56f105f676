"""Whole mediations over Telegram's API with the real gateway; Rasa is away, since mediation must not need it."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from bot.database.tables import Audit, Copy, Mediator, Note, Outbound, Person, Referral, sessions, utc_now
from bot.gateway.people import pseudonym
from bot.i18n import translations
from bot.mediation.codes import codes
from bot.mediation.referrals import NotNow, TooMany, record_referral
from tests.mediation import eventually, mediation_bot, referral


@pytest.fixture(scope="module")
def bot(tmp_path_factory):
    with mediation_bot(tmp_path_factory.mktemp("mediation")) as running:
        yield running


@pytest.fixture(scope="module")
def amina(bot):
    """A mediator for Arabic, without ambiti: she is asked from everywhere."""
    return bot.mediator("Amina", "ar,it")


@pytest.fixture
def pair(bot, amina):
    """A person and the mediator who has their referral; closed afterwards."""
    person = bot.person()
    amina.takes(person)
    yield person, amina
    if referral(person.referral).state == "taken":
        person.says("/stop")
        amina.hears("Closed")
    assert bot.telegram.errors == []


def test_text_goes_both_ways_under_a_pseudonym(pair):
    person, amina = pair
    person.says("مرحبا")
    heard = amina.hears("مرحبا")
    assert heard["text"].startswith("👤 " + referral(person.referral).pseudonym)
    amina.says("Buongiorno")
    assert person.hears("Buongiorno")["text"] == "Buongiorno"


def test_many_messages_keep_their_order_and_are_not_joined(pair):
    person, amina = pair
    texts = [f"riga {number}" for number in range(12)]
    for text in texts:
        person.bot.telegram.send_text(person.id, text, language_code="ar")
    amina.hears("riga 11")
    said = [m["text"].split("\n")[-1] for m in amina.bot.telegram.messages(amina.id) if "riga" in m.get("text", "")]
    assert said == texts


@pytest.mark.parametrize("kind", ["photo", "voice", "document", "audio", "video", "animation", "video_note", "sticker"])
def test_files_go_both_ways_by_their_id(pair, kind):
    person, amina = pair
    file_id = person.bot.telegram.send_file(person.id, kind)
    assert file_id in str(amina.gets(kind)[kind])
    file_id = person.bot.telegram.send_file(amina.id, kind)
    assert file_id in str(person.gets(kind)[kind])


def test_a_place_from_the_mediator_is_exact_and_one_from_the_person_is_rounded(pair):
    person, amina = pair
    person.bot.telegram.send_location(amina.id, 45.464203, 9.189982)
    assert person.gets("location")["location"] == {"latitude": 45.464203, "longitude": 9.189982}
    person.bot.telegram.send_location(person.id, 45.464203, 9.189982)
    assert amina.gets("location")["location"] == {"latitude": 45.464, "longitude": 9.19}


def test_edits_of_texts_and_captions_follow(pair):
    person, amina = pair
    person.says("sbaliato")
    amina.hears("sbaliato")
    person.says("sbagliato", edited=True)
    changed = amina.hears("sbagliato")
    assert changed["method"] == "editMessageText"
    person.bot.telegram.send_file(person.id, "photo", caption="letera")
    amina.hears("letera")
    amina.mark()
    person.bot.telegram.send_file(person.id, "photo", caption="lettera", edited=True)
    assert amina.hears("lettera")["method"] == "editMessageCaption"


def test_delete_as_a_reply_takes_the_copy_back(pair):
    person, amina = pair
    message = person.says("una cosa privata")
    copy = amina.hears("privata")
    person.says("/delete", reply_to=message)
    person.hears("|".join(map(re.escape, [translations("ar")("Deleted on the other side.")])))
    eventually(lambda: (amina.id, copy["message_id"]) in person.bot.telegram.deleted)


def test_replies_are_shown_as_replies_on_the_other_side(pair):
    person, amina = pair
    question = person.says("quando apre?")
    heard = amina.hears("quando apre")
    amina.says("domani", reply_to=heard["message_id"])
    answer = person.hears("domani")
    assert answer["reply_to_message"]["message_id"] == question
    person.says("grazie", reply_to=answer["message_id"])
    assert amina.hears("grazie")["reply_to_message"]["text"] == "domani"


def test_several_people_are_kept_apart(bot, amina):
    one, two = bot.person(), bot.person()
    amina.takes(one)
    amina.takes(two)
    one.says("sono il primo")
    from_one = amina.hears("sono il primo")
    assert f"m:to:{one.referral}" in str(from_one["reply_markup"])
    amina.says("per il secondo")
    two.hears("per il secondo")
    amina.says("per il primo", reply_to=from_one["message_id"])
    one.hears("per il primo")
    amina.says("ancora per il primo")
    one.hears("ancora per il primo")
    assert not any("primo" in m.get("text", "") for m in bot.telegram.messages(two.id))
    one.says("/stop")
    amina.hears("Closed")
    amina.says("solo tu ora")
    two.hears("solo tu ora")
    two.says("/stop")
    amina.hears("Closed")
    amina.says("nessuno")
    amina.hears("nobody reads this")


def test_a_reply_to_a_message_whose_id_was_never_stored_goes_to_the_right_person_or_to_nobody(bot, amina):
    """The gateway may die before it stores the id of a message; a guess could tell one person's case to another."""
    one, two = bot.person(), bot.person()
    amina.takes(one)
    amina.takes(two)
    one.says("senza numero")
    heard = amina.hears("senza numero")
    with sessions().begin() as session:
        session.execute(sa.update(Copy).where(Copy.message_id == heard["message_id"]).values(message_id=None))
    amina.says("solo al primo", reply_to=heard["message_id"])
    one.hears("solo al primo")
    menu = amina.says("/menu") and amina.hears("My conversations|You are on duty")
    amina.says("a nessuno", reply_to=menu["message_id"])
    amina.hears("This message was not sent")
    assert not any("a nessuno" in m.get("text", "") for m in bot.telegram.messages(two.id))
    for person in (one, two):
        person.says("/stop")
        amina.hears("Closed")


def test_a_phrase_is_said_in_the_persons_language_and_confirmed_in_the_mediators(pair):
    person, amina = pair
    label = codes()["phrases"]["town"]
    amina.presses(f"m:phrases:{person.referral}")
    amina.hears("Choose what to say")
    amina.presses(f"m:say:{person.referral}:town")
    person.hears(re.escape(translations("ar")(label)))
    amina.hears(re.escape(label))


def test_ask_the_bot_sends_a_service_card_in_the_persons_language(pair):
    person, amina = pair
    amina.presses(f"m:ask:{person.referral}")
    menu = amina.hears("Choose a service")
    button = menu["reply_markup"]["inline_keyboard"][0][0]
    amina.presses(button["callback_data"])
    confirmation = translations("ar")("The desk has not confirmed this: call or write before you go.")
    assert re.search(re.escape(confirmation) + "|ℹ️", person.hears("ℹ️")["text"])


def test_notes_stay_among_mediators(bot, pair):
    person, amina = pair
    amina.says("/note chiamare lo sportello")
    amina.hears("Only mediators see it")
    with sessions()() as session:
        assert (
            session.scalar(sa.select(Note.text).where(Note.referral_id == person.referral)) == "chiamare lo sportello"
        )
    assert not any("sportello" in m.get("text", "") for m in bot.telegram.messages(person.id))


def test_buttons_of_the_bot_are_answered_with_the_way_back(bot, pair):
    person, _ = pair
    person.says("/help")
    answer = person.hears(".")
    assert "c:stop" in str(answer["reply_markup"])


def test_first_come_first_served_and_the_others_see_it(bot, amina):
    fatima = bot.mediator("Fatima", "ar")
    person = bot.person()
    fatima.is_offered(person.referral)
    amina.takes(person)
    gone = fatima.hears("Amina has taken it")
    assert gone["method"] == "editMessageText"
    assert "reply_markup" not in gone
    amina.presses(f"m:pass:{person.referral}")
    amina.hears("Who goes on")
    with sessions()() as session:
        number = session.scalar(sa.select(Mediator.id).where(Mediator.name == "Fatima"))
    person.mark()
    amina.presses(f"m:give:{person.referral}:{number}")
    amina.hears("Passed on")
    person.hears("Fatima")
    fatima.hears("What you write now goes to this person")
    person.says("a Fatima")
    fatima.hears("a Fatima")
    amina.says("ci sono ancora?")
    amina.hears("nobody reads this")
    fatima.presses(f"m:close:{person.referral}")
    fatima.hears("How did it end")
    person.mark()
    fatima.presses(f"m:end:{person.referral}:answered")
    rate = person.bot.telegram.wait_for(person.id, lambda m: "c:rate" in str(m.get("reply_markup")))
    person.presses(f"c:rate:{person.referral}:yes")
    person.hears(".")
    assert rate and referral(person.referral).satisfaction == "yes"
    assert referral(person.referral).outcome == "answered"
    assert bot.cli("mediators", "remove", str(number)).startswith("Fatima has no access")
    fatima.hears("no longer a mediator")


def test_what_was_left_while_nobody_was_there_is_delivered_first(bot, amina):
    person = bot.person(refer=False)
    person.refer()
    amina.is_offered(person.referral)
    with sessions().begin() as session:
        session.get_one(Referral, person.referral).leaves_message = True
    file_id = bot.telegram.send_voice(person.id)
    person.hears("✅")
    amina.presses(f"m:take:{person.referral}")
    assert file_id in str(amina.gets("voice"))
    person.says("/stop")
    amina.hears("Closed")


def test_a_removed_mediator_has_no_access_and_the_person_waits_again(bot):
    soon_gone = bot.mediator("Lina", "fr")
    person = bot.person("fr")
    soon_gone.takes(person)
    person.says("un secret")
    secret = soon_gone.hears("un secret")
    with sessions()() as session:
        number = session.scalar(sa.select(Mediator.id).where(Mediator.name == "Lina"))
    person.mark()
    bot.cli("mediators", "remove", str(number))
    soon_gone.hears("no longer a mediator")
    person.hears(re.escape(translations("fr")("Leave a message")) + "|mediator|médiat")
    eventually(lambda: (soon_gone.id, secret["message_id"]) in bot.telegram.deleted)
    assert referral(person.referral).state == "waiting"
    person.says("/stop")
    person.hears(".")
    assert referral(person.referral).state == "closed"


def test_an_invitation_works_once(bot):
    link = re.search(r"start=(m-\S+)", bot.cli("mediators", "invite", "Sara"))[1]
    assert len(link) <= 64
    first, second = bot.person(refer=False), bot.person(refer=False)
    first.says(f"/start {link}")
    first.hears("off duty|Sara")
    second.says(f"/start {link}")
    second.hears(re.escape(translations("ar")("This invitation cannot be used any more. Ask for a new one.")))


def test_a_mediator_sets_languages_ambiti_skills_and_hours(bot):
    chat = bot.mediator("Bilal", "fr")
    for press, expected in [
        ("m:languages", "which languages"),
        ("m:languages:en", "which languages"),
        ("m:home", "Bilal"),
        ("m:ambiti", "Where do you work"),
        ("m:ambiti:LO", "Choose your ambiti"),
        ("m:ambiti:LO:0", "Choose your ambiti"),
        ("m:home", "Bilal"),
        ("m:skills", "know best"),
        ("m:skills:legal", "know best"),
    ]:
        chat.presses(press)
        chat.hears(expected)
    chat.says("/hours lun-ven 9-12")
    chat.hears("could not read")
    chat.says("/hours Mo-Fr 09:00-12:30; PH off")
    chat.hears("Mo-Fr 09:00-12:30")
    with sessions()() as session:
        found = session.scalar(sa.select(Mediator).where(Mediator.name == "Bilal"))
    assert found.languages == ["fr", "en"]
    assert (found.ambiti, found.skills) == (["Lodi"], ["legal"])
    assert found.duty_hours == "Mo-Fr 09:00-12:30; PH off"
    chat.says("/off")
    chat.hears("off duty")


def test_a_coordinator_sees_all_and_takes_over(bot, amina):
    coordinator = bot.mediator("Carla", "it", "--coordinator")
    person = bot.person()
    amina.takes(person)
    coordinator.says("/menu")
    coordinator.hears("Carla")
    coordinator.presses("m:all")
    coordinator.bot.telegram.wait_for(coordinator.id, lambda m: f"m:look:{person.referral}" in str(m))
    coordinator.presses(f"m:look:{person.referral}")
    coordinator.hears("With: Amina")
    person.mark()
    amina.mark()
    coordinator.presses(f"m:over:{person.referral}")
    coordinator.hears("What you write now goes to this person")
    amina.hears("gone to somebody else")
    person.hears("Carla")
    person.says("a chi scrivo?")
    coordinator.hears("a chi scrivo")
    with sessions()() as session:
        actions = session.scalars(sa.select(Audit.action).where(Audit.referral_id == person.referral)).all()
    assert {"ask", "take", "look", "hand_over"} <= set(actions)
    coordinator.presses(f"m:close:{person.referral}")
    coordinator.hears("How did it end")
    coordinator.presses(f"m:end:{person.referral}:abuse")
    coordinator.hears("Closed")
    with pytest.raises(NotNow):
        person.refer()
    coordinator.says("/off")
    coordinator.hears("off duty")


def test_forget_erases_both_sides_and_keeps_only_codes(bot, amina):
    person = bot.person()
    amina.takes(person)
    person.says("il mio segreto")
    copy = amina.hears("il mio segreto")
    amina.says("/note anche questo")
    amina.hears("Noted")
    amina.mark()
    person.says("/forget")
    person.hears(re.escape(translations("ar")("Everything about you is deleted. You can write again at any time.")))
    amina.hears("deleted everything")
    eventually(lambda: (amina.id, copy["message_id"]) in bot.telegram.deleted)
    with sessions()() as session:
        left = session.get_one(Referral, person.referral)
        assert (left.person_key, left.pseudonym, left.own_words, left.comune) == (None, None, None, None)
        assert (left.need, left.language, left.ambito, left.state) == ("residence_permit", "ar", "Lodi", "closed")
        for table in (Copy, Note):
            assert session.scalar(sa.select(sa.func.count()).where(table.referral_id == person.referral)) == 0
        assert session.scalar(sa.select(Person).where(Person.address == str(person.id))) is None


def test_a_mediator_who_blocks_the_bot_loses_no_message(bot, amina):
    other = bot.mediator("Omar", "en")
    person = bot.person("en")
    other.takes(person)
    bot.telegram.blocked_by.add(other.id)
    person.mark()
    person.says("dove sei?")
    eventually(lambda: referral(person.referral).state == "waiting")
    bot.telegram.blocked_by.discard(other.id)
    other.says("/on")
    other.hears("on duty")
    next_one = bot.mediator("Nadia", "en")
    next_one.is_offered(person.referral)
    next_one.presses(f"m:take:{person.referral}")
    next_one.hears("dove sei")
    person.says("/stop")
    next_one.hears("Closed")
    bot.telegram.errors.clear()
    for chat in (other, next_one):
        chat.says("/leave")
        chat.hears("no longer a mediator")


def test_somebody_on_the_web_page_gets_text_and_the_mediator_hears_what_cannot_be_shown(bot, amina):
    url = f"http://127.0.0.1:{bot.ports[0]}"
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as page:
        page.get("/")
        page.post("/chat/messages", json={"id": "1", "payload": "/start"})
        address = page.cookies["ponte"]
        eventually(lambda: web_texts(address))
        number = record_referral(pseudonym("web", address), None, "ar", None, None)
        amina.is_offered(number)
        amina.presses(f"m:take:{number}")
        amina.hears("What you write now goes")
        page.post("/chat/messages", json={"id": "2", "text": "dal sito"})
        amina.hears("dal sito")
        amina.says("ti leggo")
        eventually(lambda: "ti leggo" in web_texts(address))
        amina.mark()
        bot.telegram.send_photo(amina.id)
        amina.hears("only text and places")
        page.post("/chat/messages", json={"id": "3", "text": "/stop"})
        amina.hears("Closed")


def web_texts(address):
    with sessions()() as session:
        query = sa.select(Outbound.body).join(Person).where(Person.channel == "web", Person.address == address)
        return [body["text"] for body in session.scalars(query)]


def test_one_person_may_not_ask_without_end(bot, amina):
    person = bot.person(refer=False)
    for _ in range(3):
        person.refer()
        person.says("/stop")
        person.hears(".")
        eventually(lambda: referral(person.referral).state == "closed")
    with pytest.raises(TooMany):
        person.refer()


def test_a_burst_is_refused_aloud(tmp_path):
    with mediation_bot(tmp_path, BOT_MESSAGES_PER_MINUTE="5") as bot:
        person = bot.person(refer=False)
        for number in range(8):
            bot.telegram.send_text(person.id, f"/start {number}", language_code="en")
        person.hears("very fast|veloce|سرعة|" + re.escape(translations("en")("You write very fast.")[:10]))


def test_the_log_carries_no_message_and_no_telegram_id(bot, pair):
    person, amina = pair
    person.says("frase riconoscibile")
    amina.hears("riconoscibile")
    log = (bot.state / "log").read_text(errors="replace")
    assert "riconoscibile" not in log
    assert not re.search(rf"\b({person.id}|{amina.id})\b", log)
    assert bot.telegram.token not in log


def test_limits_on_silence(bot, amina):
    """The clock reads the times in the database, so the test moves them."""
    person = bot.person()
    amina.takes(person)
    person.says("ci sei?")
    amina.hears("ci sei")
    person.mark()
    amina.mark()
    move(person.referral, person_wrote_at=utc_now() - timedelta(minutes=61))
    amina.hears("waiting for your answer")
    person.hears(
        "⏹|mediat|" + re.escape(translations("ar")("The mediator has not answered yet. I have reminded them."))
    )
    amina.says("eccomi")
    person.hears("eccomi")
    person.mark()
    silent_since = utc_now() - timedelta(hours=25)
    move(person.referral, person_wrote_at=silent_since - timedelta(minutes=1), mediator_wrote_at=silent_since)
    person.hears(".")
    move(person.referral, warned_at=utc_now() - timedelta(hours=25))
    eventually(lambda: referral(person.referral).outcome == "no_answer")
    move(person.referral, outcome="answered", closed_at=utc_now() - timedelta(days=8))
    person.bot.telegram.wait_for(person.id, lambda m: "c:received" in str(m.get("reply_markup")))
    person.presses(f"c:received:{person.referral}:no")
    person.bot.telegram.wait_for(person.id, lambda m: "/talk_to_human" in str(m.get("reply_markup")))
    assert referral(person.referral).follow_up == "no"


def move(number, **values):
    with sessions().begin() as session:
        session.execute(sa.update(Referral).where(Referral.id == number).values(**values))
