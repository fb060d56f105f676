"""The guides: what is refused, what stays live, how they read in a language, what the bot answers from them."""

import re
import subprocess
import time

import pytest
from babel.messages.pofile import read_po
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from ruamel.yaml import YAML

from actions.guide import ActionExplainNeed
from actions.needs import ActionAnswerNeed, ActionSetPlace
from actions.service import ActionAnswerAboutService
from bot.catalog import guide_card, loader
from bot.catalog.commands import check_files
from bot.catalog.guides import FOLDER, Guides, guides, read_guide
from bot.catalog.loader import catalog
from bot.catalog.model import Guide, vocabulary
from bot.i18n import translations
from bot.settings import ROOT, settings
from tests.test_translations import EXTRACT

SONDRIO = "014061"
TELEGRAM_BYTES_A_BUTTON = 64

SOUND = """\
sources:
  comune: {url: 'https://www.example.org/pagina', date: '2024-05'}
  legge: {url: 'https://example.net/', date: null}
what:
- {text: "The tax code has letters and numbers.", source: comune}
steps:
- {text: "Go to the Agenzia delle Entrate.", source: comune}
- {text: "Show a document.", source: legge}
- {text: "It costs 10 euro.", source: comune, year: 2024}
bring: {documents: [passport], source: comune}
next: [banking]
"""


def guide(text=SOUND):
    return Guide.model_validate(YAML(typ="safe").load(text))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('document.", source: legge', 'document.", source: lege', 8, '"lege" non è sotto'),
        (", source: legge}", "}", 8, "manca"),
        (", year: 2024}", "}", 9, "un importo o un termine senza il suo anno"),
        ("Show a document.", "Go within ten days.", 8, "un importo o un termine senza il suo anno"),
        ("[passport]", "[pasport]", 10, '"pasport" non è un codice'),
        ("[banking]", "[bank]", 11, '"bank" non è un codice'),
        ("date: '2024-05'", "date: 'May 2024'", 2, "non è una data"),
        ("Show a document.", "Show it. " * 30, 8, "troppo lungo: al massimo 160"),
        ('- {text: "Show a document.", source: legge}\n', "", 6, "scrivine da 3 a 6"),
        ("bring: {documents", "brings: {documents", 10, "non è un campo"),
        ("what:", "what: [", 5, "non si legge come YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(tmp_path, old, new, line, said):
    path = tmp_path / "tax_code.yml"
    path.write_text(SOUND.replace(old, new))

    loaded = read_guide(path)

    assert loaded.content is None
    assert [(p.line, said in p.message) for p in loaded.problems if p.level == "error"] == [(line, True)]


def test_the_check_takes_a_single_guide(tmp_path, capsys):
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "tax_code.yml").write_text(SOUND.replace(", year: 2024}", "}"))

    assert check_files([folder / "tax_code.yml"]) == 1
    assert 'tax_code.yml:9: errore: steps 3: un importo o un termine senza il suo anno. Aggiungi "year: 2026".' in (
        capsys.readouterr().out
    )


def test_a_sentence_may_hold_its_year_itself(tmp_path):
    path = tmp_path / "tax_code.yml"
    path.write_text(SOUND.replace("Show a document.", "In 2026 it was open from 24 March to 7 May."))

    assert read_guide(path).content is not None


def test_a_source_that_nothing_rests_on_is_only_a_warning(tmp_path):
    path = tmp_path / "tax_code.yml"
    path.write_text(SOUND.replace("source: legge", "source: comune"))

    loaded = read_guide(path)

    assert loaded.content is not None
    assert [p.level for p in loaded.problems] == ["warning"]


def test_a_file_is_named_after_its_need_and_every_need_has_one(tmp_path):
    (tmp_path / "taxcode.yml").write_text(SOUND)
    (tmp_path / "tax_code.yml").write_text(SOUND)

    live = Guides(tmp_path).refresh()

    assert list(live.by_need) == ["tax_code"]
    assert [p.level for p in live.problems[tmp_path / "taxcode.yml"]] == ["error"]
    assert {p.path.stem for p in live.missing()} == set(vocabulary().needs) - {"tax_code"}


def test_a_saved_guide_is_live_and_a_broken_one_changes_nothing_even_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "LOOK_AGAIN_SECONDS", 0)
    path = tmp_path / "tax_code.yml"
    path.write_text(SOUND)
    live = Guides(tmp_path, tmp_path / "good").refresh()
    time.sleep(0.01)
    path.write_text(SOUND.replace("Show a document.", "Show your passport."))
    assert live.refresh().by_need["tax_code"].steps[1].text == "Show your passport."
    path.write_text("what: [")

    assert live.refresh().by_need["tax_code"].steps[1].text == "Show your passport."
    assert live.problems[path]
    assert "tax_code" in Guides(tmp_path, tmp_path / "good").refresh().by_need


def test_the_shipped_guides_have_no_problem_and_none_is_missing():
    live = Guides(settings().catalog_dir / FOLDER).refresh()

    assert [p for found in live.problems.values() for p in found] == []
    assert live.missing() == []


def test_the_shipped_guides_are_few_enough_words_to_translate_by_hand():
    texts = {s.text for one in guides().by_need.values() for _, s in one.sentences()}

    assert len(texts) <= 350


def test_every_sentence_of_a_guide_is_in_the_template_for_translators(tmp_path):
    template = tmp_path / "messages.pot"
    subprocess.run([*EXTRACT, "-o", str(template), "."], cwd=ROOT, check=True, env={"PYTHONPATH": str(ROOT)})
    with template.open("rb") as file:
        offered = {message.id for message in read_po(file)}

    assert {s.text for one in guides().by_need.values() for _, s in one.sentences()} <= offered


def test_latin_names_and_numbers_are_isolated_inside_an_arabic_sentence():
    tr = translations("ar")

    assert (
        tr.isolate_latin("اذهب إلى Questura خلال 8 أيام.") == "اذهب إلى \u2066Questura\u2069 خلال \u20668\u2069 أيام."
    )
    assert tr.isolate_latin("Sportello Unico per l'Immigrazione (مكتب)") == (
        "\u2066Sportello Unico per l'Immigrazione\u2069 (مكتب)"
    )
    assert translations("it").isolate_latin("la Questura") == "la Questura"


def test_a_sentence_not_yet_translated_stays_in_order_inside_an_arabic_message():
    assert translations("ar").isolate_latin("Go to the Questura.") == "\u2066Go to the Questura.\u2069"


def test_an_amount_is_told_with_its_year_and_every_part_with_its_sources():
    text = guide_card.how(guide(), translations("en"))

    assert "3. It costs 10 euro. (2024)" in text
    assert "example.org (2024)" in text
    assert "example.net (no date)" in text
    assert text.endswith("Ask the desk: rules change.")


def test_the_year_and_the_site_are_isolated_in_arabic():
    text = guide_card.how(guide(), translations("ar"))

    assert "(\u20662024\u2069)" in text
    assert "\u2066example.org\u2069" in text


def test_many_steps_wait_for_the_question_how():
    long = guide(
        SOUND.replace("bring:", '- {text: "Wait.", source: legge}\n- {text: "Go back.", source: legge}\nbring:')
    )

    assert "Go back." not in guide_card.opening(long, translations("en"))
    assert "5. Go back." in guide_card.how(long, translations("en"))


def turn(action, intent, entities=(), language="en", **slots):
    """What the action says to a person who has just said or pressed `intent`."""
    latest = {
        "intent": {"name": intent},
        "entities": [{"entity": name, "value": value} for name, value in entities],
        "metadata": {"language": language},
    }
    dispatcher = CollectingDispatcher()
    tracker = Tracker("somebody", slots, latest, [], False, None, {}, "action_listen")
    events = action.run(dispatcher, tracker, {})
    return dispatcher.messages, {e["name"]: e["value"] for e in events if e["event"] == "slot"}


def payloads(message):
    return [one["payload"] for one in message["buttons"]]


def test_the_guide_leads_and_the_desk_follows():
    messages, slots = turn(ActionAnswerNeed(), "residence_permit", place=SONDRIO)

    assert messages[0]["text"].startswith("**🪪 Residence permit**")
    assert "1. Fill in the postal kit." in messages[0]["text"]
    assert "Questura di Sondrio" in messages[1]["text"]
    assert slots["service"].startswith("questura-sondrio")


def test_the_guide_and_the_question_for_the_place_come_together():
    messages, _ = turn(ActionAnswerNeed(), "italian_course")

    assert "CPIA" in messages[0]["text"]
    assert "In which town do you live?" in messages[-1]["text"]


def test_the_guide_is_not_told_again_when_the_place_follows():
    messages, _ = turn(ActionSetPlace(), "inform_place", place=SONDRIO, need="italian_course")

    assert messages
    assert not any("/ask_cost{" in payload for message in messages for payload in payloads(message))


@pytest.mark.parametrize("need", vocabulary().urgent_needs)
def test_in_danger_the_numbers_come_before_the_guide(need):
    messages, _ = turn(ActionAnswerNeed(), need, place=SONDRIO)

    assert vocabulary().needs[need]["numbers"][-1] in messages[0]["text"]
    assert messages[1]["text"].startswith(f"**{vocabulary().needs[need]['icon']}")


@pytest.mark.parametrize("need", list(vocabulary().needs))
def test_every_button_of_a_guide_fits_telegram_and_is_answered(need):
    messages, _ = turn(ActionAnswerNeed(), need)
    opening = messages[1 if need in vocabulary().urgent_needs else 0]

    for payload in payloads(opening):
        assert len(payload.encode()) <= TELEGRAM_BYTES_A_BUTTON
        intent, carried = re.fullmatch(r'/([a-z_]+){"need":"([a-z_]+)"}', payload).groups()
        action = ActionAnswerAboutService() if intent in ("ask_documents", "ask_cost") else ActionExplainNeed()
        [answer], slots = turn(action, intent, [("need", carried)], service="questura-sondrio", need="banking")
        assert answer["text"].startswith(opening["text"].split("\n")[0])
        assert slots["need"] == need


def a_service_that(**wanted):
    """A shipped service with or without what it costs."""
    return next(s for s in catalog().services.values() if all(bool(getattr(s, f)) == has for f, has in wanted.items()))


def test_what_the_desk_says_comes_before_the_guide():
    service = a_service_that(cost=True)

    [answer], _ = turn(ActionAnswerAboutService(), "ask_cost", service=service.id, need=service.needs[0])

    assert service.name in answer["text"]


@pytest.mark.parametrize(("asked", "field"), [("ask_cost", "cost"), ("ask_documents", "bring")])
def test_what_the_desk_does_not_say_is_answered_from_the_guide(asked, field):
    service = a_service_that(**{field: False})

    [answer], slots = turn(ActionAnswerAboutService(), asked, service=service.id, need=service.needs[0])

    assert vocabulary().label("needs", service.needs[0]) in answer["text"]
    assert slots == {"need": service.needs[0]}


def test_the_guide_answers_before_a_desk_is_known():
    [answer], _ = turn(ActionAnswerAboutService(), "ask_documents", need="residence_permit")

    assert "passport" in answer["text"]


def test_how_is_answered_for_the_need_last_spoken_of():
    [answer], _ = turn(ActionExplainNeed(), "ask_how", need="civil_registry")

    assert "1. Declare your address" in answer["text"]
    assert "/tax_code" in payloads(answer)


@pytest.mark.parametrize("entities", [[], [("need", "not_a_need")]])
def test_how_without_a_need_asks_for_one(entities):
    [answer], slots = turn(ActionExplainNeed(), "ask_how", entities)

    assert answer["text"] == "Tell me first what you need."
    assert slots == {}
