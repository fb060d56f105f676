"""Mediation in a staff group with forum topics: one topic for each referral."""

from __future__ import annotations

import re

import pytest

from bot.i18n import translations
from tests.mediation import eventually, mediation_bot, referral

GROUP = -1001234567890


@pytest.fixture(scope="module")
def bot(tmp_path_factory):
    with mediation_bot(tmp_path_factory.mktemp("group"), BOT_STAFF_GROUP=str(GROUP)) as running:
        # The group exists once somebody wrote there; that is no referral's topic, so nothing answers.
        running.telegram.write_in_topic(GROUP, 1, 1, "ciao a tutti")
        yield running


def group_hears(bot, pattern):
    def fits(message):
        return bool(re.search(pattern, message.get("text") or message.get("caption") or ""))

    return bot.telegram.wait_for(GROUP, fits)


def test_a_referral_is_a_topic_from_the_card_to_the_end(bot):
    amina, omar = bot.mediator("Amina", "ar"), bot.mediator("Omar", "ar")
    person = bot.person()
    card = group_hears(bot, "richiesta|request")
    thread = card["message_thread_id"]
    assert referral(person.referral).pseudonym in bot.telegram.topics[thread]["name"]
    person.mark()
    bot.telegram.press(GROUP, f"m:take:{person.referral}", user_id=999)  # nobody who is registered
    bot.telegram.press(GROUP, f"m:take:{person.referral}", user_id=amina.id)
    person.hears("Amina")
    group_hears(bot, "Amina")
    person.says("buongiorno")
    assert group_hears(bot, "buongiorno")["message_thread_id"] == thread
    bot.telegram.write_in_topic(GROUP, thread, omar.id, "che ne pensate?")
    bot.telegram.write_in_topic(GROUP, thread, 999, "passavo di qui")
    bot.telegram.write_in_topic(GROUP, thread, amina.id, "eccomi")
    person.hears("eccomi")
    said = [m.get("text", "") for m in bot.telegram.messages(person.id)]
    assert not any("pensate" in text or "passavo" in text for text in said)
    photo = bot.telegram.send_photo(person.id)
    bot.telegram.wait_for(GROUP, lambda m: photo in str(m.get("photo")))
    assert not any("buongiorno" in m.get("text", "") for m in bot.telegram.messages(amina.id))
    person.says("/stop")
    eventually(lambda: bot.telegram.topics[thread]["state"] == "closed")
    assert referral(person.referral).outcome == "ended_by_person"
    assert bot.telegram.errors == []


def test_forget_deletes_the_topic_with_all_that_was_written_in_it(bot):
    person = bot.person()
    eventually(lambda: referral(person.referral).topic_id)
    thread = referral(person.referral).topic_id
    person.says("/forget")
    person.hears(re.escape(translations("ar")("Everything about you is deleted. You can write again at any time.")))
    eventually(lambda: bot.telegram.topics[thread]["state"] == "deleted")
    eventually(lambda: referral(person.referral).topic_id is None)


def test_a_topic_that_staff_deleted_is_made_again(bot):
    person = bot.person()
    eventually(lambda: referral(person.referral).topic_id)
    thread = referral(person.referral).topic_id
    mediator = bot.mediator("Sara", "ar")
    bot.telegram.press(GROUP, f"m:take:{person.referral}", user_id=mediator.id)
    eventually(lambda: referral(person.referral).state == "taken")
    bot.telegram.topics[thread]["state"] = "deleted"
    person.says("ci sei ancora?")
    assert group_hears(bot, "ci sei ancora")["message_thread_id"] != thread
    bot.telegram.errors.clear()
