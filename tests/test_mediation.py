"""The core of mediation on a real database: states, routing, waiting, the report."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.catalog.hours import ROME
from bot.database.migrate import migrate
from bot.database.tables import Inbound, Mediator, Offer, Outbound, Person, Referral, sessions, utc_now
from bot.i18n import translations
from bot.mediation import cases, clock, desk, mediators, routing, states, words
from bot.mediation.codes import CHOSEN_OUTCOMES, codes, skill_for
from bot.mediation.mail import mail
from bot.mediation.referrals import record_referral
from bot.mediation.report import report
from bot.settings import ROOT
from tests.mediation import environment, referral

NUMBERS = count(1)
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=ROME)  # a Tuesday


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """An empty database of each kind."""
    url = f"sqlite:///{tmp_path / 'ponte.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    with environment({"BOT_STATE_DIR": str(tmp_path), "BOT_DATABASE_URL": url}):
        migrate()
        yield url


def make_person(language="ar"):
    with sessions().begin() as session:
        number = next(NUMBERS)
        person = Person(channel="telegram", address=str(number), key=f"key-{number}", language=language)
        session.add(person)
    return person


def make_mediator(languages=("ar",), ambiti=(), skills=(), on_duty=True, **more):
    person = make_person("en")
    with sessions().begin() as session:
        mediator = Mediator(
            person_id=person.id, name=f"M{person.id}", languages=list(languages), ambiti=list(ambiti),
            skills=list(skills), on_duty=on_duty, joined_at=utc_now(), **more,
        )  # fmt: skip
        session.add(mediator)
    return mediator


def make_referral(language="ar", need="residence_permit", ambito="Lodi", **more):
    return record_referral(make_person(language).key, need, language, "098031", ambito, **more)


def offered(number):
    with sessions()() as session:
        return set(session.scalars(sa.select(Offer.mediator_id).where(Offer.referral_id == number)))


def route_at(number, now):
    with mail() as post:
        routing.route(post, post.session.get_one(Referral, number), routing.staff(post.session), now)


def test_of_twenty_mediators_who_tap_at_once_exactly_one_has_it(database):
    for _ in range(10):
        number, takers = make_referral(), [make_mediator() for _ in range(20)]
        start, won = threading.Barrier(20), []

        def tap(taker, number=number, start=start, won=won):
            start.wait()
            with mail() as post:
                mediator = post.session.get_one(Mediator, taker.id)
                if cases.take(post, number, mediator, utc_now()):
                    won.append(taker.id)

        threads = [threading.Thread(target=tap, args=(taker,)) for taker in takers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert referral(number).mediator_id == won[0]


def test_language_comes_first_then_ambito_then_skill(database):
    expert = make_mediator(["ar"], ["Lodi"], ["legal"])
    local = make_mediator(["ar"], ["Lodi"])
    near = make_mediator(["ar"], [routing.neighbours("Lodi")[0]])
    far = make_mediator(["ar"], ["Sondrio"])
    bridge = make_mediator(["fr"], ["Lodi"])
    coordinator = make_mediator(["bn"], is_coordinator=True, on_duty=False)
    make_mediator(["bn"], ["Lodi"])  # shares no language, and is never asked
    number = make_referral("ar", "residence_permit")
    seen, now = [], NOW
    for _ in range(6):
        route_at(number, now)
        seen.append(offered(number))
        now += timedelta(minutes=11)
    order = [expert.id, local.id, near.id, far.id, bridge.id, coordinator.id]
    assert seen == [set(order[: index + 1]) for index in range(6)]


def test_where_nobody_is_on_duty_the_circle_widens_at_once(database):
    far = make_mediator(["ar"], ["Sondrio"])
    make_mediator(["ar"], ["Lodi"], on_duty=False)
    number = make_referral()
    route_at(number, NOW)
    assert offered(number) == {far.id}


def test_who_comes_on_duty_later_is_offered_what_waits(database):
    late = make_mediator(["ar"], on_duty=False)
    number = make_referral()
    route_at(number, NOW)
    assert offered(number) == set()
    with sessions().begin() as session:
        session.get_one(Mediator, late.id).on_duty = True
    route_at(number, NOW + timedelta(minutes=1))
    assert offered(number) == {late.id}


def test_a_mediator_with_many_open_referrals_is_offered_no_more(database):
    busy = make_mediator(["ar"])
    for _ in range(5):
        with mail() as post:
            assert cases.take(post, make_referral(), post.session.get_one(Mediator, busy.id), NOW)
    number = make_referral()
    route_at(number, NOW)
    assert offered(number) == set()


def test_what_is_handed_back_is_not_offered_to_the_same_mediator(database):
    first, second = make_mediator(), make_mediator()
    number = make_referral()
    route_at(number, NOW)
    with mail() as post:
        cases.take(post, number, post.session.get_one(Mediator, first.id), NOW)
    with mail() as post:
        cases.hand_back(post, post.session.get_one(Referral, number), f"mediator:{first.id}", NOW)
    with sessions().begin() as session:
        session.execute(sa.delete(Outbound))
    route_at(number, NOW + timedelta(minutes=1))
    with sessions()() as session:
        cards = session.scalars(sa.select(Outbound.person_id)).all()
    assert cards == [second.person_id]


@pytest.mark.parametrize(("taken", "moves"), [(False, {"take", "close"}), (True, {"hand_back", "hand_over", "close"})])
def test_each_state_can_be_left_only_as_the_diagram_says(database, taken, moves):
    one, other = make_mediator(), make_mediator()
    tried = {
        "take": lambda s, n: states.take(s, n, other.id, NOW),
        "hand_back": lambda s, n: states.hand_back(s, n, one.id, "test", NOW),
        "hand_over": lambda s, n: states.hand_over(s, n, one.id, other.id, "test", NOW),
        "close": lambda s, n: states.close(s, n, "answered", "test", NOW),
    }
    for name, move in tried.items():
        number = make_referral()
        with sessions().begin() as session:
            if taken:
                assert states.take(session, number, one.id, NOW)
        with sessions().begin() as session:
            assert move(session, number) == (name in moves), name
    with sessions().begin() as session:
        assert session.get_one(Referral, number).state == states.CLOSED
        assert not any(move(session, number) for move in tried.values())


def test_the_state_diagram_in_the_docs_is_the_one_in_the_code():
    text = (ROOT / "docs" / "developers.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^\s+(\w+) --> (\w+): (\w+)$", text, re.MULTILINE))
    coded = {(state, move.leads_to, move.name) for move in states.MOVES for state in move.leaves}
    assert drawn == coded


def test_the_truth_about_waiting(database):
    assert routing.availability("ar", NOW) == routing.Availability(False, None)
    make_mediator(["ar"], on_duty=False, duty_hours="We 14:00-18:00; PH off")
    assert routing.availability("ar", NOW).back_at == datetime(2026, 11, 25, 14, 0, tzinfo=ROME)
    make_mediator(["ar"])
    assert routing.availability("ar", NOW).on_duty
    tr = translations("en")
    later = datetime(2026, 11, 25, 14, 0, tzinfo=ROME)
    assert words.when_back(False, later, NOW, tr) == "Mediators for your language are back tomorrow at 14:00."
    assert "today at 14:00" in words.when_back(False, later.replace(day=24), NOW, tr)
    assert "Thursday 26 November" in words.when_back(False, later.replace(day=26), NOW, tr)
    assert "I do not know" in words.when_back(False, None, NOW, tr)


def test_duty_follows_the_mediators_own_hours(database):
    mediator = make_mediator(on_duty=False, duty_hours="Mo-Fr 09:00-12:00; PH off")

    def at(hour, minute=0):
        with mail() as post:
            found = post.session.get_one(Mediator, mediator.id)
            mediators.follow_hours(post, found, NOW.replace(hour=hour, minute=minute))
            asked = post.session.scalar(sa.select(sa.func.count()).select_from(Outbound))
            return found.on_duty, asked

    assert at(8) == (False, 0)
    assert at(9) == (False, 1)
    assert at(9, 5) == (False, 1)
    with sessions().begin() as session:
        mediators.set_duty(session.get_one(Mediator, mediator.id), True, NOW)
    assert at(11) == (True, 1)
    assert at(12, 1) == (False, 2)
    with sessions().begin() as session:
        mediators.set_duty(session.get_one(Mediator, mediator.id), True, NOW.replace(hour=20))
    assert at(21) == (True, 2)


def test_unclaimed_referrals_end_with_the_truth(database):
    number = make_referral()
    clock.tick(utc_now() + timedelta(days=4))
    assert referral(number).outcome == "unclaimed"
    with sessions()() as session:
        [body] = session.scalars(sa.select(Outbound.body)).all()
    assert body["text"] == words.unclaimed("ar").text


def test_after_the_retention_only_codes_are_left(database):
    number = make_referral(own_words="parole mie")
    clock.tick(utc_now() + timedelta(days=4))
    clock.tick(utc_now() + timedelta(days=40))
    left = referral(number)
    assert (left.own_words, left.pseudonym, left.person_key) == (None, None, None)
    assert (left.need, left.language, left.ambito, left.outcome) == ("residence_permit", "ar", "Lodi", "unclaimed")


def test_the_report_tells_no_small_number_and_none_that_leads_to_one(database):
    mediator = make_mediator()
    for language, how_many in (("ar", 6), ("fr", 2), ("it", 9)):
        for _ in range(how_many):
            number = make_referral(language)
            with mail() as post:
                found = post.session.get_one(Referral, number)
                states.take(post.session, number, mediator.id, NOW)
                post.session.refresh(found)
                found.consented_at, found.first_reply_at = NOW, NOW + timedelta(minutes=7)
                post.session.flush()
                states.close(post.session, number, "answered", "test", NOW)
    text = report()
    assert re.search(r"^ar\s+5\s+<5\s+<5\s+7 / 7$", text, re.MULTILINE)
    assert not re.search(r"^fr\b", text, re.MULTILINE)
    assert re.search(r"^answered\s+15$", text, re.MULTILINE) and "referrals: 15" in text


def test_only_what_concerns_mediation_is_kept_from_the_bot(database):
    """A message that arrives after the look must wait for the next one, or Rasa would be asked what is a mediator's."""
    person, mediator = make_person(), make_mediator()
    assert desk.handle_next(person.id) is None
    with sessions().begin() as session:
        session.add(Inbound(person_id=person.id, external_id="1", kind="text", body="una domanda"))
    assert desk.handle_next(person.id) == desk.Looked(False)
    number = record_referral(person.key, None, "ar", None, None)
    with mail() as post:
        cases.take(post, number, post.session.get_one(Mediator, mediator.id), utc_now())
    assert desk.handle_next(person.id) == desk.Looked(True, frozenset([mediator.person_id]))
    assert desk.handle_next(person.id) is None


def test_an_invitation_cannot_be_opened_late_or_twice(database):
    with sessions().begin() as session:
        _, start = mediators.invite(session, "Sara", ["it"], False, NOW)
    one, two = make_person(), make_person()
    with mail() as post:
        assert mediators.join(post, one, start, NOW + timedelta(days=8)) is None
    with mail() as post:
        assert mediators.join(post, one, start, NOW).name == "Sara"
    with mail() as post:
        assert mediators.join(post, two, start, NOW) is None
    with sessions()() as session:
        assert start.removeprefix("m-") not in str(session.execute(sa.text("select * from mediators")).all())


def test_every_code_has_a_label_and_fits_into_a_button():
    assert set(CHOSEN_OUTCOMES) < set(codes()["outcomes"])
    assert skill_for("legal_aid") == "legal" and skill_for("school_support") == "school" and skill_for(None) is None
    for code in codes()["phrases"]:
        assert len(f"m:say:9999999:{code}") <= 64


def test_migrations_lead_to_the_tables_of_the_code(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from bot.database.tables import Base

    with sessions().kw["bind"].connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert [d for d in differences if "events" not in str(d)] == []


def test_every_setting_is_documented():
    documented = (ROOT / "docs" / "operators" / "settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bBOT_[A-Z_]+", (ROOT / "bot" / "settings.py").read_text(encoding="utf-8")))
    assert {name for name in named if f"`{name}`" not in documented} == set()
    assert Path(ROOT / "docs" / "mediators.md").exists()
