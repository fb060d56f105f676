"""What people need, counted where the answer is decided, and told so that no number leads to a small one."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from datetime import date, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from scipy.optimize import linprog

from actions.needs import ActionAnswerNeed, ActionSetPlace, ActionSuggestNeeds
from bot.catalog.hours import ROME
from bot.database.migrate import migrate
from bot.database.tables import Demand, sessions
from bot.demand import counting, figures
from bot.demand.small_numbers import rounded, told
from tests.mediation import environment

SONDRIO, LODI, MILANO = "014061", "098031", "015146"


@pytest.fixture
def database(tmp_path):
    with environment({"BOT_STATE_DIR": str(tmp_path), "BOT_DATABASE_URL": ""}):
        migrate()
        yield


@pytest.fixture
def counted(database, monkeypatch):
    """What was counted, read after it was written."""
    monkeypatch.setattr(counting, "GATHER_SECONDS", 0.0)
    started = counting.Counting()
    monkeypatch.setattr(counting, "_counting", started)

    def read():
        deadline = time.monotonic() + 5
        while started._counts and time.monotonic() < deadline:
            time.sleep(0.01)
        started.write()
        time.sleep(0.05)
        with sessions()() as session:
            return {
                (row.need, row.language, row.ambito, row.happened): row.count
                for row in session.scalars(sa.select(Demand))
                if row.count
            }

    return read


class Conversation:
    """Slots and events as Rasa would have them, for the actions that decide."""

    def __init__(self, language="ar"):
        self.language, self.slots, self.events = language, {}, []

    def say(self, action, intent, ranking=(), **slots):
        self.events.append({"event": "user", "text": "", "parse_data": {"intent": {"name": intent}}})
        self._set(slots)
        latest = {
            "intent": {"name": intent},
            "metadata": {"language": self.language},
            "entities": [{"entity": name, "value": value} for name, value in slots.items()],
            "intent_ranking": [{"name": name, "confidence": 0.3} for name in ranking],
            "text": "",
        }
        tracker = Tracker("x", dict(self.slots), latest, list(self.events), False, None, {}, None)
        dispatcher = CollectingDispatcher()
        answered = action().run(dispatcher, tracker, {})
        self._set({event["name"]: event["value"] for event in answered if event["event"] == "slot"})
        return dispatcher.messages

    def _set(self, slots):
        self.slots |= slots
        self.events += [{"event": "slot", "name": name, "value": value} for name, value in slots.items()]


def test_a_question_is_counted_with_its_need_language_ambito_and_end(counted):
    Conversation().say(ActionAnswerNeed, "residence_permit", place=SONDRIO)

    assert counted() == {("residence_permit", "ar", "Sondrio", "answered"): 1}


def test_a_question_that_waits_for_the_town_is_one_question(counted):
    talk = Conversation("fr")
    talk.say(ActionAnswerNeed, "residence_permit")
    assert counted() == {("residence_permit", "fr", "", "unfinished"): 1}

    talk.say(ActionSetPlace, "inform_place", place=SONDRIO)
    assert counted() == {("residence_permit", "fr", "Sondrio", "answered"): 1}

    talk.say(ActionSetPlace, "inform_place", place=LODI)
    assert counted() == {
        ("residence_permit", "fr", "Sondrio", "answered"): 1,
        ("residence_permit", "fr", "Lodi", "answered"): 1,
    }


def test_a_question_that_waits_for_the_town_and_the_age_is_one_question(counted):
    talk = Conversation()
    talk.say(ActionAnswerNeed, "school_enrolment")
    talk.say(ActionSetPlace, "inform_place", place=SONDRIO)
    assert counted() == {("school_enrolment", "ar", "Sondrio", "unfinished"): 1}

    talk.say(ActionAnswerNeed, "school_enrolment", school="primaria")
    assert counted() == {("school_enrolment", "ar", "Sondrio", "answered"): 1}


def test_what_was_not_understood_is_counted_under_the_likeliest_need(counted):
    Conversation().say(ActionSuggestNeeds, "nlu_fallback", ranking=("greet", "housing", "asylum"))
    Conversation().say(ActionSuggestNeeds, "nlu_fallback", place=LODI)

    assert counted() == {("housing", "ar", "", "not_understood"): 1, ("", "ar", "Lodi", "not_understood"): 1}


def test_only_the_bots_own_processes_count(database):
    Conversation().say(ActionAnswerNeed, "residence_permit", place=SONDRIO)

    with sessions()() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Demand)) == 0


def test_a_locked_database_delays_no_answer_and_loses_no_count(counted, monkeypatch):
    monkeypatch.setattr("bot.demand.counting.RETRY_SECONDS", 0.05)
    with sessions()() as other:
        other.execute(sa.text("BEGIN IMMEDIATE"))
        start = time.monotonic()
        for _ in range(20):
            assert Conversation().say(ActionAnswerNeed, "residence_permit", place=SONDRIO)
        took = time.monotonic() - start
        other.rollback()

    assert took < 3
    deadline = time.monotonic() + 10
    while (found := counted()) != {("residence_permit", "ar", "Sondrio", "answered"): 20}:
        assert time.monotonic() < deadline, found


def test_what_could_not_be_written_is_written_later(counted):
    with sessions().begin() as session:
        session.execute(sa.text("ALTER TABLE demand RENAME TO elsewhere"))
    counting.count("housing", "ar", "Lodi", counting.ANSWERED)
    time.sleep(0.2)
    with sessions().begin() as session:
        session.execute(sa.text("ALTER TABLE elsewhere RENAME TO demand"))
    counting.count("housing", "ar", "Lodi", counting.ANSWERED)

    assert counted() == {("housing", "ar", "Lodi", "answered"): 2}


def question(need="housing", ambito="Lodi", language="ar", happened="answered", month="2026-11"):
    return counting.Question(month, need, language, ambito, happened)


def many_writers():
    """Eight threads, each adding to the same and to its own numbers."""
    month = counting.this_month()

    def write(own):
        for _ in range(25):
            counting.store(Counter({question(month=month): 1, question(need=f"own{own}", month=month): 2}))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sessions()() as session:
        return {need: count for need, count in session.execute(sa.select(Demand.need, Demand.count))}


def test_writers_at_once_lose_nothing(database):
    assert many_writers() == {"housing": 200, **{f"own{n}": 50 for n in range(8)}}


def test_writers_at_once_lose_nothing_on_postgresql(postgresql_url, tmp_path):
    with environment({"BOT_STATE_DIR": str(tmp_path), "BOT_DATABASE_URL": postgresql_url}):
        migrate()
        assert many_writers() == {"housing": 200, **{f"own{n}": 50 for n in range(8)}}


def test_a_number_never_falls_below_nothing(database):
    month = counting.this_month()
    counting.store(Counter({question(month=month): -1}))
    counting.store(Counter({question(month=month): -1, question("tax_code", month=month): 1}))

    with sessions()() as session:
        assert dict(session.execute(sa.select(Demand.need, Demand.count)).all()) == {"housing": 0, "tax_code": 1}


def test_old_months_are_forgotten(database):
    now = counting.this_month()
    with sessions().begin() as session:
        session.add_all(
            Demand(month=m, need="housing", language="ar", ambito="Lodi", happened="answered", count=9)
            for m in (counting.oldest_month(now), "2019-12")
        )

    counting.store(Counter({question(month=now): 1}))

    with sessions()() as session:
        assert set(session.scalars(sa.select(Demand.month))) == {counting.oldest_month(now), now}
    assert counting.oldest_month("2026-01") == "2023-01" and counting.oldest_month("2026-12") == "2023-12"


def test_the_table_holds_nothing_of_a_person():
    assert set(Demand.__table__.columns.keys()) == {"month", "need", "language", "ambito", "happened", "count"}


# What is told


def fill(**counts):
    """Rows of this month's table: need__ambito__language=count."""
    with sessions().begin() as session:
        for name, count in counts.items():
            need, ambito, language, happened = (*name.split("__"), "answered")[:4]
            session.add(
                Demand(month="2026-11", need=need, language=language, ambito=ambito, happened=happened, count=count)
            )


def read(**wanted):
    with sessions()() as session:
        return figures.figures(session, figures.Wanted(**{"months": ("2026-11",), **wanted}), date(2026, 11, 24))


def test_the_figures_follow_the_filters(database):
    fill(housing__Lodi__ar=12, housing__Sondrio__ar=7, tax_code__Lodi__fr=5, housing__Lodi__ar__no_service=6)

    everything, lodi, arabic = read(), read(ambiti=frozenset(["Lodi"])), read(language="ar", need="housing")

    assert (everything.total.asked, lodi.total.asked, arabic.total.asked) == (30, 23, 25)
    assert [(line.code, line.asked, line.unanswered) for line in everything.by_need] == [
        ("housing", 25, 6),
        ("tax_code", 5, 0),
    ]
    assert [line.code for line in everything.by_ambito] == ["lodi", "sondrio"]
    assert read(months=("2026-10",)).total.asked == 0


def test_only_numbers_that_can_be_told_are_listed_and_their_order_tells_no_more(database):
    fill(housing__Lodi__ar=6, asylum__Lodi__ar=5, tax_code__Lodi__ar=4)

    assert [line.code for line in read().by_need] == ["asylum", "housing"]


def test_a_need_that_no_desk_of_the_ambito_answers_is_missing(database):
    fill(voluntary_return__Sondrio__ar=9, civil_registry__Sondrio__ar=9, transport__Sondrio__ar=2)

    missing = read().missing

    assert ("civil_registry", "sondrio") not in [one[:2] for one in missing]
    assert all(count >= 5 for *_, count in missing)
    assert "transport" not in [need for need, *_ in missing]


@pytest.mark.parametrize(("count", "text"), [(0, "<5"), (1, "<5"), (4, "<5"), (5, "5"), (9, "5"), (23, "20")])
def test_a_number_is_told_in_steps(count, text):
    assert told(count) == text


def bounds(cube, tell):
    """What somebody can work out who sees every sum of the cube, filtered in every way: each small cell's range."""
    shape, rows, low, high = cube.shape, [], [], []
    axes = range(cube.ndim)
    for kept in itertools.chain.from_iterable(itertools.combinations(axes, n) for n in range(cube.ndim + 1)):
        for where in itertools.product(*(range(shape[axis]) for axis in kept)):
            part = np.zeros(shape)
            at = [slice(None)] * cube.ndim
            for axis, index in zip(kept, where, strict=True):
                at[axis] = index
            part[tuple(at)] = 1
            least, most = tell(int((cube * part).sum()))
            rows.append(part.ravel())
            low.append(least)
            high.append(most)
    limits = np.vstack([np.array(rows), -np.array(rows)]), np.array([*high, *(-n for n in low)])
    for index, count in enumerate(cube.ravel()):
        if rounded(int(count)) == 0:
            goal = np.zeros(cube.size)
            goal[index] = 1
            ends = [sign * linprog(sign * goal, *limits, bounds=(0, None), method="highs").fun for sign in (1, -1)]
            yield int(count), int(np.ceil(ends[0] - 1e-6)), int(np.floor(ends[1] + 1e-6))


def in_steps(count):
    return rounded(count), rounded(count) + 4


def hidden_only(count):
    return (count, count) if count >= 5 else (0, 4)


@pytest.mark.parametrize("seed", range(4))
def test_no_small_number_can_be_worked_out_from_all_tables_and_filters_together(seed, database):
    cube = np.random.default_rng(seed).poisson(5, size=(3, 4, 3))

    found = list(bounds(cube, in_steps))

    assert found and all(least <= count <= most and most - least >= 2 for count, least, most in found)


def test_hiding_small_cells_alone_would_give_them_away(database):
    cube = np.random.default_rng(0).poisson(5, size=(3, 4, 3))

    assert any(least == most for _, least, most in bounds(cube, hidden_only))


def test_the_months_before_reach_over_the_turn_of_the_year():
    assert figures.months_before("2026-02", 3) == ("2025-12", "2026-01", "2026-02")
    assert counting.month_of(datetime(2026, 1, 31, 23, 30, tzinfo=ROME) + timedelta(hours=1)) == "2026-02"
