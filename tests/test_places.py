"""Municipalities in what people write."""

import pytest

from bot.places import Point, gazetteer


@pytest.mark.parametrize(
    ("text", "comune"),
    [
        ("كيف أجدد تصريح الإقامة؟ أنا في سوندريو", "Sondrio"),
        ("ساكن بميلانو", "Milano"),
        ("je vis à Milan", "Milano"),
        ("i live in sondryo", "Sondrio"),
        ("abito a lodi", "Lodi"),
        ("Я живу в Сондрио", "Sondrio"),
        ("我住在米兰", "Milano"),
        ("Chiesa in Valmalenco", "Chiesa in Valmalenco"),
        ("sono di peschiera boromeo", "Peschiera Borromeo"),
        ("abito a Cinisello", "Cinisello Balsamo"),
    ],
)
def test_a_comune_is_found_in_any_script_and_with_typos(text, comune):
    [match] = gazetteer().find(text)

    assert [gazetteer().comuni[code].name for code in match.codes] == [comune]


@pytest.mark.parametrize(
    "text",
    ["come rinnovo il permesso", "il permesso scade questo mese", "dove trovo casa", "però non lo so", "4567", "🙂"],
)
def test_everyday_words_are_not_places(text):
    assert gazetteer().find(text) == []


def test_a_name_of_several_comuni_gives_all_of_them():
    [match] = gazetteer().find("Sesto")

    assert len(match.codes) > 1


def test_a_shared_location_is_the_nearest_comune_and_keeps_its_point():
    place = gazetteer().nearest(Point(46.17, 9.87))

    assert place.comune.name == "Sondrio"
    assert gazetteer().place(place.code) == place


def test_every_comune_of_lombardy_is_known():
    assert len(gazetteer().comuni) == 1501


def test_a_text_is_told_its_language_without_its_places():
    assert gazetteer().without_places("I live in Milano now").split() == ["I", "live", "in", "now"]


@pytest.mark.parametrize(
    ("text", "comune"),
    [
        ("怎么续签居留？我住在Sondrio", "Sondrio"),
        ("mai lodi me rehta hun", "Lodi"),
        ("permesso yenilemek istiyom sondrioda oturuyom", "Sondrio"),
        ("я живу в Милане", "Milano"),
        ("мне нужно пермессо в Брешии", "Brescia"),
        ("ਮੈਂ Como ਵਿੱਚ ਰਹਿੰਦਾ ਹਾਂ", "Como"),
        ("vivo en Lodi", "Lodi"),
    ],
)
def test_places_are_found_as_other_languages_write_them(text, comune):
    [match] = gazetteer().find(text)

    assert [gazetteer().comuni[code].name for code in match.codes] == [comune]


@pytest.mark.parametrize("text", ["como hago para renovar", "cerca de la estacion", "da dove vieni", "come stai"])
def test_everyday_words_of_other_languages_are_no_places(text):
    assert gazetteer().find(text) == []
