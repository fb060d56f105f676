"""What is made of a ranking of meanings, and what of a word is the same in two spellings."""

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.needs import ActionAnswerNeed
from bot.nlu.decision import IntentDecision
from bot.nlu.meaning_classifier import MeaningClassifier
from bot.nlu.skeleton import skeleton
from tests.mediation import environment

CONFIG = {"sure": 0.4, "urgent": 0.15, "outside": 0.05, "certain": 0.8}


def decided(**confidences):
    """The intent that is acted on, for a message whose intents have these confidences."""
    ranking = [{"name": name, "confidence": confidence} for name, confidence in confidences.items()]
    message = Message({"text": "some words", "intent_ranking": ranking})
    IntentDecision(CONFIG).process([message])
    return message.get("intent")["name"]


def test_the_likeliest_meaning_is_acted_on_when_it_is_likely_enough():
    assert decided(housing=0.5, legal_aid=0.3) == "housing"
    assert decided(housing=0.3, legal_aid=0.2) == "nlu_fallback"


def test_danger_is_heard_even_behind_something_likelier():
    assert decided(housing=0.8, violence_help=0.16) == "violence_help"
    assert decided(housing=0.8, violence_help=0.09, trafficking_help=0.08) == "violence_help"
    assert decided(housing=0.9, violence_help=0.06) == "housing"


def test_what_may_well_be_no_subject_of_ours_is_not_answered_with_an_office_but_danger_comes_first():
    assert decided(transport=0.6, out_of_scope=0.07) == "out_of_scope"
    assert decided(transport=0.84, out_of_scope=0.14) == "transport"
    assert decided(emergency=0.3, out_of_scope=0.3) == "emergency"


@pytest.mark.parametrize(
    ("spelt", "also"),
    [
        ("تجديد", "tajdid"),
        ("تجديد", "tejdeed"),
        ("راتب", "rateb"),
        ("घर", "ghar"),
        ("паспорт", "pasport"),
        ("passeport", "passport"),
        ("居留证", "juliuzheng"),
        ("sağlık", "saglik"),
    ],
)
def test_a_word_keeps_its_bones_in_another_spelling_or_script(spelt, also):
    assert skeleton(spelt).replace(" ", "") == skeleton(also).replace(" ", "") != ""


def test_numbers_are_no_letters_and_no_text_is_too_odd():
    assert skeleton("modello 730 a 18 anni") == "mdl 730 a 18 n"
    assert skeleton("") == skeleton(" … ! ؟") == ""


LEARNT = {
    "housing": ["the landlord wants us out of the flat", "I sleep in my car", "my rent is too high", "a room to rent"],
    "health_care": ["my tooth hurts", "I have had a cough for days", "a doctor for my back", "the fever does not go"],
    "school_enrolment": ["where can my son learn", "my daughter is six", "a school near us", "which class is he in"],
}


@pytest.fixture(scope="module")
def meaning(tmp_path_factory):
    """A classifier of meaning that has read a dozen English sentences, stored and loaded again."""
    storage, resource = LocalModelStorage(tmp_path_factory.mktemp("model")), Resource("meaning")
    given = (MeaningClassifier.get_default_config(), storage, resource, ExecutionContext(GraphSchema({})))
    examples = [Message({"text": text, "intent": intent}) for intent, texts in LEARNT.items() for text in texts]
    with environment({"BOT_STATE_DIR": str(tmp_path_factory.mktemp("state"))}):
        MeaningClassifier.create(*given).train(TrainingData(examples))
    return MeaningClassifier.load(*given)


def after_second_opinion(meaning, text, **confidences):
    """The likeliest intent once the classifier of meaning has seen a message with this ranking."""
    ranking = [{"name": name, "confidence": confidences[name]} for name in sorted(confidences, key=confidences.get)]
    message = Message({"text": text, "intent_ranking": ranking[::-1]})
    meaning.process([message])
    return message.get("intent_ranking")[0]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("da due settimane dormo in macchina", "housing"),
        ("j'ai mal aux dents", "health_care"),
        ("مدرسة لابنتي", "school_enrolment"),
    ],
)
def test_in_doubt_a_sentence_counts_by_what_it_means_whatever_its_words(meaning, text, intent):
    doubt = dict.fromkeys(LEARNT, 0.3) | {intent: 0.2}

    assert after_second_opinion(meaning, text, **doubt)["name"] == intent


def test_what_the_words_leave_no_doubt_about_stays(meaning):
    sure = {"housing": 0.97, "health_care": 0.02, "school_enrolment": 0.01}

    assert after_second_opinion(meaning, "my tooth hurts", **sure) == {"name": "housing", "confidence": 0.97}


def answer(intent, ranking):
    """The texts and the buttons' payloads of an answer."""
    listed = [{"name": name, "confidence": confidence} for name, confidence in ranking.items()]
    chosen = {"name": intent, "confidence": ranking[intent]}
    message = {
        "text": "a question",
        "intent": chosen,
        "intent_ranking": listed,
        "entities": [],
        "metadata": {"language": "en"},
    }
    slots = dict.fromkeys(("place", "language", "need", "service", "shown", "school"))
    dispatcher = CollectingDispatcher()
    ActionAnswerNeed().run(dispatcher, Tracker("s", slots, message, [], False, None, {}, "action_listen"), {})
    return "\n".join(m["text"] for m in dispatcher.messages), [
        b["payload"] for m in dispatcher.messages for b in m["buttons"]
    ]


def test_an_answer_that_is_a_guess_says_so_and_offers_what_else_was_likely():
    text, payloads = answer("housing", {"housing": 0.45, "legal_aid": 0.3, "banking": 0.01})

    assert "I am not sure" in text
    assert "/legal_aid" in payloads
    assert "/banking" not in payloads


def test_danger_heard_behind_a_likelier_need_leaves_the_way_to_it():
    _, payloads = answer("emergency", {"health_care": 0.8, "emergency": 0.15})

    assert "/health_care" in payloads


def test_a_sure_answer_offers_nothing_else():
    text, payloads = answer("housing", {"housing": 0.7, "legal_aid": 0.2})

    assert "I am not sure" not in text
    assert "/legal_aid" not in payloads
