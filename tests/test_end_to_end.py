"""Whole conversations over Telegram's API, with the three real processes."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from itertools import count

import pytest

from bot.i18n import translations

CHATS = count(1000)


@pytest.fixture
def chat(running_bot):
    """A person who has not written before; everything that they do comes through Telegram's API."""
    return Chat(running_bot, next(CHATS))


class Chat:
    def __init__(self, bot, chat_id):
        self.bot, self.id, self.telegram = bot, chat_id, bot.telegram

    def says(self, text, language="it", **more):
        self.telegram.mark(self.id) if self.telegram.messages(self.id) else None
        self.telegram.send_text(self.id, text, language_code=language, **more)

    def presses(self, data):
        self.telegram.mark(self.id)
        self.telegram.press(self.id, data)

    def hears(self, pattern, timeout=30):
        return self.telegram.wait_for(self.id, lambda m: re.search(pattern, m.get("text", "")), timeout=timeout)


def payloads(message):
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [key.get("callback_data") or key.get("url") for row in rows for key in row]


QUESTIONS = [
    ("it", "come rinnovo il permesso di soggiorno? abito a Sondrio"),
    ("en", "How can I renew my residence permit? I live in Sondrio"),
    ("fr", "Comment renouveler mon titre de séjour ? J'habite à Sondrio"),
    ("ar", "كيف أجدد تصريح الإقامة؟ أنا في سوندريو"),
]


@pytest.mark.parametrize(("language", "question"), QUESTIONS)
def test_a_need_with_a_place_gets_the_right_card_at_the_first_answer(chat, language, question):
    chat.says(question, language)

    card = chat.hears("Questura di Sondrio")

    assert translations(language)("The desk has not confirmed this: call or write before you go.") in card["text"]
    assert chat.telegram.errors == []


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("it", "mio marito mi picchia"),
        ("en", "my husband beats me"),
        ("fr", "mon mari me frappe"),
        ("ar", "زوجي يضربني"),
    ],
)
def test_danger_is_answered_at_once_with_numbers(chat, language, question):
    chat.says(question, language)

    answer = chat.hears("1522")

    assert "112" in answer["text"]


def test_need_and_place_may_come_in_two_messages_and_follow_ups_are_about_the_card(chat):
    chat.says("where can I learn italian?", "en")
    asked = chat.hears("In which town do you live")
    assert any("inform_place" in p for p in payloads(asked))
    chat.says("I live in Lodi", "en")
    card = chat.hears("Lodi")
    chat.says("what is the phone number?", "en")
    assert chat.hears(re.escape(card["text"].split("\n")[0]))
    chat.says("show me another one", "en")
    chat.hears("km away|no other service")


def test_the_guide_leads_and_its_buttons_and_how_are_answered_from_it(chat):
    chat.says("how do I renew my residence permit? I live in Sondrio", "en")
    guide = chat.hears("Fill in the postal kit")
    chat.hears("Questura di Sondrio")
    chat.presses('/ask_beware{"need":"residence_permit"}')
    assert chat.hears("Schengen")["text"].startswith(guide["text"].split("\n")[0])
    chat.says("explain the procedure to me", "en")
    chat.hears("Fill in the postal kit")


def test_buttons_are_answered_and_language_changes_in_one_tap(chat):
    chat.says("/start", "en")
    chat.hears("I am Ponte")
    chat.presses('/set_language{"language":"fr"}')
    menu = chat.hears(re.escape(translations("fr")("From now on I write in English. What do you need?")))
    chat.presses(payloads(menu)[0])
    chat.hears(re.escape(translations("fr")("Documents")))
    assert chat.telegram.errors == []


def test_a_referral_is_recorded_only_with_consent(chat):
    chat.says("/human", "en")
    chat.hears("Do you agree")
    chat.presses("/deny")
    chat.hears("I pass nothing on")
    chat.says("/human", "en")
    chat.hears("Do you agree")
    chat.presses("/affirm")
    chat.hears("recorded with number")


def rows_about_people(state):
    with sqlite3.connect(state / "ponte.db") as database:
        tables = ["people", "inbound", "outbound", "referrals", "events"]
        return {t: database.execute(f"select count(*) from {t}").fetchone()[0] for t in tables}


def test_forget_erases_everything_about_the_person(chat):
    chat.says("ciao", "it")
    chat.hears("Ponte")
    before = rows_about_people(chat.bot.state)
    chat.says("/forget", "it")
    chat.hears(re.escape(translations("it")("Everything about you is deleted. You can write again at any time.")))
    after = rows_about_people(chat.bot.state)

    assert after["people"] == before["people"] - 1
    assert after["events"] < before["events"]


def test_quick_fragments_are_one_question(chat):
    chat.says("permesso di soggiorno", "it")
    chat.telegram.send_text(chat.id, "rinnovo", language_code="it")
    chat.telegram.send_text(chat.id, "a Sondrio", language_code="it")
    chat.hears("Questura di Sondrio")

    assert not any("in quale" in m.get("text", "").lower() for m in chat.telegram.messages(chat.id))


def test_a_shared_location_is_the_place(chat):
    chat.says("I need a doctor", "en")
    chat.hears("In which town")
    chat.telegram.mark(chat.id)
    chat.telegram.send_location(chat.id, 45.4642, 9.19)
    chat.hears("Milano")


@pytest.mark.parametrize("send", ["send_voice", "send_photo", "send_sticker"])
def test_what_is_not_text_gets_a_sensible_answer(chat, send):
    chat.says("ciao", "en")
    chat.hears("Ponte")
    chat.telegram.mark(chat.id)
    getattr(chat.telegram, send)(chat.id)

    chat.hears(re.escape(translations("en")("I can read only text.")[:20]) + "|solo")


@pytest.mark.parametrize(
    "text", ["🙂" * 4000, "a" * 4096, "<script>alert(1)</script>", "'; DROP TABLE people;--", "\u202eciao\u0007", "😭"]
)
def test_odd_input_gets_an_answer_and_breaks_nothing(chat, text):
    chat.says(text[:4096], "en")

    chat.hears(".")
    assert chat.telegram.errors == []


def test_an_edited_message_is_not_answered_twice(chat):
    chat.says("ciao", "it")
    chat.hears("Ponte")
    before = len(chat.telegram.messages(chat.id))
    chat.telegram.send_text(chat.id, "ciao!", language_code="it", edited=True)
    chat.says("grazie", "it")
    chat.hears("Prego|nulla|altro")

    assert len(chat.telegram.messages(chat.id)) == before + 1


def test_too_many_requests_are_waited_out(chat):
    chat.telegram.fail_next(429, times=1, retry_after=1)
    chat.says("ciao", "it")

    chat.hears("Ponte")


def test_while_rasa_is_away_the_message_is_kept_and_answered_later(chat):
    [pid] = chat.bot.children("rasa_hooks.serve")
    os.kill(pid, signal.SIGKILL)
    chat.says("where do I renew my permesso di soggiorno in Sondrio", "en")
    chat.hears("your message is kept")
    chat.hears("Questura di Sondrio", timeout=90)
    chat.bot.wait_until_ready()


def test_a_killed_gateway_loses_nothing(chat):
    chat.says("ciao", "it")
    chat.hears("Ponte")
    [pid] = chat.bot.children("gateway")
    os.kill(pid, signal.SIGKILL)
    chat.says("dove rinnovo il permesso di soggiorno a Sondrio?", "it")
    chat.hears("Questura di Sondrio", timeout=60)
    chat.bot.wait_until_ready()


def test_the_log_carries_no_message_and_no_telegram_id(chat):
    chat.says("una frase molto riconoscibile sul permesso", "it")
    chat.hears(".")
    log = (chat.bot.state / "log").read_text(errors="replace")

    assert "riconoscibile" not in log
    assert not re.search(rf"\b{chat.id}\b", log)
    assert chat.telegram.token not in log


def test_own_words_go_to_the_mediator_only_if_the_person_wants(chat):
    chat.says("where do I renew my residence permit in Sondrio?", "en")
    chat.hears("Questura di Sondrio")
    question = "where do I renew my residence permit in Sondrio?"
    for answer, kept in [("/affirm", None), ('/affirm{"share":"words"}', question)]:
        chat.says("/human", "en")
        chat.hears("your question: “where do I renew")
        chat.presses(answer)
        chat.hears("recorded with number")
        with sqlite3.connect(chat.bot.state / "ponte.db") as database:
            [row] = database.execute("select own_words, shown from referrals order by id desc limit 1")
        assert row[0] == kept
        assert row[1] != "[]"
        chat.presses("c:withdraw")
        chat.hears("withdrawn")


def test_a_message_is_left_a_mediator_takes_over_and_the_bot_is_silent_until_the_end(chat):
    bot, mediator = chat.bot, Chat(chat.bot, next(CHATS))
    chat.says("where do I renew my residence permit in Sondrio?", "en")
    chat.hears("Questura di Sondrio")
    chat.says("/human", "en")
    chat.hears("Do you agree")
    chat.presses("/affirm")
    chat.hears("I do not know when one will be")
    chat.presses("c:leave")
    chat.hears("Write your message now")
    chat.says("they sent me away twice", "en")
    chat.hears("Kept for the mediator")
    chat.says("where can I learn italian?", "en")
    chat.hears("Italian|italiano|CPIA")
    environment = {**os.environ, "BOT_STATE_DIR": str(bot.state), "BOT_TELEGRAM_TOKEN": bot.telegram.token}
    environment["BOT_TELEGRAM_API_URL"] = bot.telegram.url
    command = [sys.executable, "-m", "bot.cli", "mediators", "invite", "Amina", "--languages", "en"]
    link = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "t.me/ponte_test_bot?start=m-" in link
    mediator.says("/start " + re.search(r"start=(\S+)", link)[1], "en")
    mediator.hears("You are off duty")
    mediator.presses("m:duty:on")
    with sqlite3.connect(bot.state / "ponte.db") as database:
        [number] = database.execute("select max(id) from referrals").fetchone()
    card = bot.telegram.wait_for(mediator.id, lambda m: f"m:take:{number}" in payloads(m))
    assert "they sent me away" not in card["text"]
    chat.telegram.mark(chat.id)
    mediator.presses(f"m:take:{number}")
    mediator.hears("they sent me away twice")
    chat.hears("Amina, a human mediator")
    chat.says("where can I learn italian?", "en")
    mediator.hears("where can I learn italian")
    mediator.says("I will ask for you", "en")
    chat.hears("I will ask for you")
    said = [m.get("text", "") for m in bot.telegram.messages(chat.id)]
    assert said[-1] == "I will ask for you"
    chat.says("/stop", "en")
    chat.hears("Did the mediator help you")
    chat.says("where can I learn italian?", "en")
    chat.hears("Italian|italiano|CPIA")
    assert bot.telegram.errors == []


def test_after_repeated_misunderstanding_and_for_delicate_needs_a_mediator_is_offered(chat):
    chat.says("qwerty zxcvb asdfg", "en")
    chat.hears(".")
    chat.says("asdfgh jklzx", "en")
    assert "/talk_to_human" in payloads(
        chat.hears("human mediator may understand you better|did not understand|cannot help")
    )
    chat.says("I need a lawyer in Lodi", "en")
    chat.hears("If you prefer, a human mediator can help you with this")
