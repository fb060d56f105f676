"""The tracker store that loads only the tail: nothing that matters is lost behind the cut."""

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    AllSlotsReset,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.rasa_hooks.tracker_store import TAIL_EVENTS, TailTrackerStore
from bot.settings import ROOT


@pytest.fixture
def store(tmp_path):
    return TailTrackerStore(domain=Domain.load(str(ROOT / "domain.yml")), url=f"sqlite:///{tmp_path / 'events.db'}")


def turn(text="ciao", *events):
    return [
        UserUttered(text, {"name": "greet"}),
        *events,
        ActionExecuted("utter_greet"),
        ActionExecuted("action_listen"),
    ]


async def say(store, *events):
    tracker = await store.retrieve("person") or DialogueStateTracker("person", store.domain.slots)
    for event in events:
        tracker.update(event)
    await store.save(tracker)


START = [ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted("action_listen")]


async def test_a_short_conversation_is_loaded_whole(store):
    await say(store, *START, *turn())

    tracker = await store.retrieve("person")

    assert len(tracker.events) == 5


async def test_a_slot_set_long_ago_is_still_there_and_the_tracker_stays_short(store):
    await say(store, *START, *turn("abito a Sondrio", SlotSet("place", "014061")))
    for number in range(100):
        await say(store, *turn(f"domanda {number}"))

    tracker = await store.retrieve("person")

    assert tracker.get_slot("place") == "014061"
    assert len(tracker.events) < TAIL_EVENTS + 20
    assert tracker.latest_message.text == "domanda 99"


async def test_every_event_is_saved_once(store):
    await say(store, *START)
    for number in range(100):
        await say(store, *turn(f"domanda {number}"))

    whole = await store.retrieve_full_tracker("person")

    assert [e.text for e in whole.events if isinstance(e, UserUttered)] == [f"domanda {n}" for n in range(100)]


async def test_the_cut_never_falls_inside_a_form(store):
    await say(
        store, *START, *turn("una persona", ActiveLoop("referral_form"), SlotSet("requested_slot", "referral_consent"))
    )
    for number in range(60):
        await say(store, *turn(f"domanda {number}"))

    tracker = await store.retrieve("person")

    assert tracker.active_loop_name == "referral_form"
    assert tracker.get_slot("requested_slot") == "referral_consent"


async def test_a_restart_forgets_what_was_before(store):
    await say(store, *START, *turn("abito a Sondrio", SlotSet("place", "014061")), Restarted())
    for number in range(60):
        await say(store, *turn(f"domanda {number}"))

    assert (await store.retrieve("person")).get_slot("place") is None


async def test_slots_that_were_reset_stay_reset(store):
    await say(store, *START, *turn("abito a Sondrio", SlotSet("place", "014061")), AllSlotsReset())
    for number in range(60):
        await say(store, *turn(f"domanda {number}"))

    assert (await store.retrieve("person")).get_slot("place") is None
