"""Schools: the register, the age of the child, and the answer."""

import csv
from types import SimpleNamespace

import pytest
from rasa.shared.nlu.training_data.message import Message
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.needs import ActionAnswerNeed, ActionSetPlace, ActionSuggestNeeds
from actions.service import ActionAnswerAboutService
from bot.catalog.ages import age_in, is_only_an_age
from bot.catalog.school_register import RegisterNotUnderstood, import_schools
from bot.catalog.schools import kind_for_age, load, schools
from bot.nlu.decision import IntentDecision
from bot.places import gazetteer

CHIESA, SPRIANA, MILANO = "014019", "014062", "015146"


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("where do I enrol my daughter who is 6, I live in Chiesa in Valmalenco", 6),
        ("mia figlia ha sei anni", 6),
        ("ma fille a dix-sept ans", 17),
        ("ابنتي عمرها ٦ سنوات", 6),
        ("عمره خمسة عشر سنة", 15),
        ("আমার মেয়ের বয়স ৬ বছর", 6),
        ("我女儿6岁", 6),
        ("bambino di 8 mesi", 0),
        ("6", 6),
        ("ho 3 figli", None),
        ("abito in via Roma 6", None),
        ("sono arrivata il 12 marzo 2024", None),
        ("uno ha 6 anni, l'altra 9 anni", None),
        ("is there one school near me", None),
    ],
)
def test_an_age_is_read_only_where_one_is_stated(text, age):
    assert age_in(text) == age


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        (0, "nido"),
        (3, "infanzia"),
        (5, "infanzia"),
        (6, "primaria"),
        (10, "primaria"),
        (11, "secondaria1"),
        (13, "secondaria1"),
        (14, "secondaria2"),
        (18, "secondaria2"),
        (19, "cpia"),
        (40, "cpia"),
    ],
)
def test_the_age_chooses_the_kind_of_school(age, kind):
    assert kind_for_age(age) == kind


def test_the_whole_register_of_lombardy_is_shipped_and_every_row_makes_a_sound_service():
    register = schools()

    assert len(register.by_code) == 6453
    for school in register.by_code.values():
        assert school.institute in register.by_code
        register.as_service(school)


def test_schools_in_hospitals_and_prisons_and_evening_courses_are_not_offered_to_a_family():
    offered = [s.name for code in gazetteer().comuni for s in schools().in_comune("primaria", code)]

    assert not [name for name in offered if "OSPED" in name or "CARCER" in name]


RAW = {
    "ANNOSCOLASTICO": "202526",
    "AREAGEOGRAFICA": "NORD OVEST",
    "REGIONE": "LOMBARDIA",
    "PROVINCIA": "SONDRIO",
    "CODICEISTITUTORIFERIMENTO": "SOIC82000G",
    "DENOMINAZIONEISTITUTORIFERIMENTO": "I.C. DI ESEMPIO",
    "CODICESCUOLA": "SOEE82007X",
    "DENOMINAZIONESCUOLA": "CHIESA IN VALMALENCO CAP.",
    "INDIRIZZOSCUOLA": "VIA IV NOVEMBRE 116",
    "CAPSCUOLA": "23023",
    "CODICECOMUNESCUOLA": "C628",
    "DESCRIZIONECOMUNE": "CHIESA IN VALMALENCO",
    "DESCRIZIONECARATTERISTICASCUOLA": "NORMALE",
    "DESCRIZIONETIPOLOGIAGRADOISTRUZIONESCUOLA": "SCUOLA PRIMARIA",
    "INDICAZIONESEDEDIRETTIVO": "NO",
    "INDICAZIONESEDEOMNICOMPRENSIVO": "Non Disponibile",
    "INDIRIZZOEMAILSCUOLA": "SOIC82000G@istruzione.it",
    "INDIRIZZOPECSCUOLA": "Non Disponibile",
    "SITOWEBSCUOLA": "https//www.icpaesiretici.edu.it",
    "SEDESCOLASTICA": "NO",
}


def ministry_file(path, *rows):
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_ministrys_own_file_is_taken_in_for_lombardy_only(tmp_path):
    hospital = {**RAW, "CODICESCUOLA": "SOEE820081", "DESCRIZIONECARATTERISTICASCUOLA": "OSPEDALIERA"}
    elsewhere = {**RAW, "CODICESCUOLA": "TOEE82007X", "REGIONE": "PIEMONTE"}
    file = ministry_file(tmp_path / "raw.csv", RAW, hospital, elsewhere, {**RAW, "CODICECOMUNESCUOLA": "Z999"})

    imported = import_schools(file, tmp_path / "out", "2025-09-01")
    register = load(tmp_path / "out")

    assert (imported.schools, imported.unknown_comuni) == (2, ["SOEE82007X: Z999"])
    [school] = register.in_comune("primaria", CHIESA)
    assert (school.address, school.web) == ("Via IV Novembre 116", "https://www.icpaesiretici.edu.it")
    assert register.as_service(school).source.date == "2025-09-01"


def test_another_file_is_refused_and_what_was_there_stays(tmp_path):
    with pytest.raises(RegisterNotUnderstood, match="CODICESCUOLA"):
        import_schools(ministry_file(tmp_path / "raw.csv", {"nome": "x"}), tmp_path / "out", "2025-09-01")

    assert not (tmp_path / "out").exists()


def said(action, text, intent, place=None, entities=(), **slots):
    """What an action says to a message, and the slots that it sets."""
    message = {"text": text, "intent": {"name": intent}, "entities": list(entities), "metadata": {"language": "en"}}
    slots = {"place": place, "language": None, "need": None, "service": None, "shown": None, "school": None, **slots}
    tracker = Tracker("someone", slots, message, [], False, None, {}, "action_listen")
    dispatcher = CollectingDispatcher()
    events = action.run(dispatcher, tracker, {})
    slots = {event["name"]: event["value"] for event in events}
    texts = [one["text"] for one in dispatcher.messages]
    titles = [b["payload"] for one in dispatcher.messages for b in one["buttons"]]
    return SimpleNamespace(text="\n".join(texts), slots=slots, payloads=titles)


def test_a_mother_in_chiesa_in_valmalenco_is_told_the_school_and_the_institute():
    question = "where do I enrol my daughter who is 6, I live in Chiesa in Valmalenco"

    answer = said(ActionAnswerNeed(), question, "school_enrolment", CHIESA)

    assert "Primary school (scuola primaria), 6 to 10 years\n" in answer.text.replace("**", "")
    assert "CHIESA IN VALMALENCO CAP." in answer.text
    assert "Via Roma 116, 23023 Chiesa in Valmalenco" in answer.text
    assert 'I.C. SONDRIO - "PAESI RETICI"' in answer.text
    assert "soic82000g@istruzione.it" in answer.text


def test_where_the_town_has_no_school_the_nearest_town_is_named():
    answer = said(ActionAnswerNeed(), "my son is 12", "school_enrolment", SPRIANA)

    assert "There is none in Spriana. The nearest are in" in answer.text


def test_without_an_age_the_bot_asks_with_buttons_and_a_button_answers():
    asked = said(ActionAnswerNeed(), "I want to enrol my child", "school_enrolment", CHIESA)
    assert "How old is the child?" in asked.text
    assert '/school_enrolment{"school":"primaria"}' in asked.payloads

    entity = {"entity": "school", "value": "infanzia"}
    answer = said(ActionAnswerNeed(), "/school_enrolment", "school_enrolment", CHIESA, [entity])
    assert "CHIESA IN VALMALENCO-CURLO" in answer.text


def test_an_age_given_before_the_town_is_remembered():
    first = said(ActionAnswerNeed(), "my daughter is 6", "school_enrolment")
    assert first.slots["school"] == "primaria"

    then = said(
        ActionSetPlace(), "Chiesa in Valmalenco", "inform_place", CHIESA, need="school_enrolment", school="primaria"
    )
    assert "CHIESA IN VALMALENCO CAP." in then.text


@pytest.mark.parametrize(
    ("action", "text", "intent"),
    [
        (ActionAnswerNeed(), "6", "inform_age"),
        (ActionAnswerNeed(), "sei anni", "inform_age"),
        (ActionSuggestNeeds(), "la bambina ha 6 anni", "nlu_fallback"),
    ],
)
def test_an_age_alone_answers_the_question_without_the_guide_again(action, text, intent):
    answer = said(action, text, intent, CHIESA, need="school_enrolment")

    assert "CHIESA IN VALMALENCO CAP." in answer.text
    assert answer.text.startswith("**Primary school")


@pytest.mark.parametrize(
    ("text", "is_age"),
    [
        ("6", True),
        ("sei anni", True),
        ("she is 6", False),
        ("٦ سنوات", True),
        ("ha sei anni", True),
        ("sei un bot?", False),
        ("ciao", False),
        ("Via Roma 6", False),
        ("3 figli", False),
        ("6 ans", True),
        ("6 лет", True),
    ],
)
def test_a_message_that_is_only_an_age_is_told_from_one_with_more(text, is_age):
    assert is_only_an_age(text) == is_age


def test_an_age_alone_is_never_taken_for_small_talk():
    """In Italian "sei" is both "six" and "you are", which is how people ask whether it is a bot."""
    ranking = [{"name": "bot_challenge", "confidence": 0.99}]
    message = Message({"text": "sei anni", "intent_ranking": ranking})

    IntentDecision(IntentDecision.get_default_config()).process([message])

    assert message.get("intent")["name"] == "inform_age"


def test_a_city_with_many_schools_is_not_given_one_at_random():
    answer = said(ActionAnswerNeed(), "my son is 7 years old", "school_enrolment", MILANO)

    assert "in Milano." in answer.text
    assert "Scuola in Chiaro" in answer.text


def test_a_baby_is_shown_the_services_for_small_children():
    answer = said(ActionAnswerNeed(), "my baby is 8 months old", "early_childhood", MILANO)

    assert "Nursery school" not in answer.text


def test_the_buttons_under_a_schools_card_find_it_again():
    answer = said(ActionAnswerAboutService(), "/ask_address", "ask_address", CHIESA, service="scuola-soee82007x")

    assert "Via Roma 116, 23023 Chiesa in Valmalenco" in answer.text
