"""The console's figures over HTTP: who sees what, what is told, and what a spreadsheet makes of it."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.catalog.hours import ROME
from bot.catalog.loader import catalog
from bot.database.tables import Account, ConsoleAudit, Demand, Mediator, Referral, sessions, utc_now
from bot.demand import counting, figures
from tests.test_console import Browser, app, catalog_dir, make_account  # noqa: F401

MONTH = counting.month_of(datetime.now(ROME).date())
LAST = figures.months_before(MONTH, 2)[0]


def ask(count, need="housing", ambito="Sondrio", language="ar", happened="answered", month=MONTH):
    with sessions().begin() as session:
        session.add(Demand(month=month, need=need, language=language, ambito=ambito, happened=happened, count=count))


def request(count, ambito="Sondrio", language="ar", outcome="answered", minutes=7):
    now = utc_now()
    with sessions().begin() as session:
        session.add_all(
            Referral(
                need="housing",
                language=language,
                ambito=ambito,
                state="closed",
                outcome=outcome,
                consented_at=now,
                first_reply_at=now + timedelta(minutes=minutes),
            )
            for _ in range(count)
        )


@pytest.fixture
def sign_in(app, make_account):  # noqa: F811
    def make(role="coordinator", ambiti=()):
        make_account(role, role, ambiti)
        if role == "mediator":
            with sessions().begin() as session:
                mediator = Mediator(name="Amina", languages=["ar"])
                session.add(mediator)
                session.flush()
                session.execute(sa.update(Account).values(mediator_id=mediator.id))
        browser = Browser(app)
        browser.sign_in(role)
        return browser

    return make


def rows(page, title):
    """The cells of the table under a heading, row by row."""
    source = re.search(rf">{title}</h2>.*?<tbody>(.*?)</tbody>", page.text, re.DOTALL)[1]
    found = re.findall(r"<tr>(.*?)</tr>", source, re.DOTALL)
    strip = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", one, re.DOTALL) for one in found]
    return [[cell for cell in one if "<svg" not in cell] for one in strip]


def test_the_page_tells_what_was_asked_and_what_became_of_it(sign_in):
    browser = sign_in()
    ask(23)
    ask(6, happened="no_service")
    ask(12, "tax_code", "Lodi", "fr")
    request(8)

    page = browser.get("/console/demand")

    assert rows(page, "Per bisogno") == [
        ["Casa", "25", "20", "&lt;5", "5", "&lt;5", "&lt;5", "&lt;5", "5"],
        ["Codice fiscale", "10", "10", *["&lt;5"] * 6],
    ]
    names = [catalog().files[ambito].ambito.name for ambito in ("sondrio", "lodi")]
    assert [row[0] for row in rows(page, "Per ambito")] == names
    assert len(rows(page, "Per mese")) == 12


def test_a_month_in_other_digits_is_no_month(sign_in):
    assert sign_in().get("/console/demand?month=2٠٢٦-01").text.count("Ultimi 12 mesi") == 1


def test_waiting_for_mediators_says_for_which_need_it_is_counted(sign_in):
    page = sign_in().get("/console/demand/mediation?need=housing")

    assert re.search(r'<option value="housing" selected>', page.text)


def test_no_number_on_any_page_is_finer_than_a_step(sign_in):
    browser = sign_in()
    for count, need, language in ((7, "housing", "ar"), (3, "asylum", "fr"), (16, "tax_code", "ur"), (9, "", "ar")):
        ask(count, need, language=language)
    request(7)

    for address in ("/console/demand", f"/console/demand/month?month={MONTH}", "/console/demand?language=ar"):
        told = re.findall(r'(?:class="number">|<dd>)([^<]*)<', browser.get(address).text)
        assert told and all(one == "&lt;5" or int(one) % 5 == 0 for one in told if one[:1].isdigit() or "lt" in one)


def test_filters_choose_what_is_counted(sign_in):
    browser = sign_in()
    ask(20)
    ask(10, "tax_code", "Lodi", "fr", month=LAST)

    def needs(query):
        return [row[:2] for row in rows(browser.get(f"/console/demand?{query}"), "Per bisogno")]

    assert needs("ambito=lodi") == [["Codice fiscale", "10"]]
    assert needs(f"month={MONTH}") == [["Casa", "20"]]
    assert needs("language=fr") == [["Codice fiscale", "10"]]
    assert needs("need=housing") == [["Casa", "20"]]
    assert needs("month=2026-99&need='&language=x") == [["Casa", "20"], ["Codice fiscale", "10"]]


@pytest.mark.parametrize("page", ["demand", "demand/month", "demand/mediation", "demand/figures.csv"])
def test_an_operator_sees_their_own_ambiti_only(sign_in, page):
    browser = sign_in("operator", ["sondrio"])
    ask(50, "asylum", "Lodi", "ur", month=LAST)
    ask(50, "asylum", "", "ur", month=LAST)
    ask(20, month=LAST)
    request(30, "Lodi", "ur")

    answer = browser.get(f"/console/{page}")

    assert answer.status_code == 200
    assert "Urdu" not in re.sub(r"<select.*?</select>", "", answer.text, flags=re.DOTALL).title()
    assert browser.get(f"/console/{page}?ambito=lodi").status_code == 403
    with sessions()() as session:
        assert "refused" in session.scalars(sa.select(ConsoleAudit.action)).all()


@pytest.mark.parametrize("page", ["demand", "demand/month", "demand/mediation", "demand/figures.csv"])
def test_nobody_sees_figures_without_signing_in_or_with_another_role(app, sign_in, page):  # noqa: F811
    assert Browser(app).get(f"/console/{page}").url.path == "/console/sign-in"
    assert sign_in("mediator").get(f"/console/{page}").status_code == 403
    assert sign_in("administrator").get(f"/console/{page}?ambito=nowhere").status_code == 404


def test_a_missing_service_leads_whoever_may_add_it_to_the_form(sign_in):
    ask(9, "voluntary_return")
    link = 'href="/console/ambiti/sondrio/new"'

    assert link in sign_in("administrator").get("/console/demand").text
    assert link not in sign_in("coordinator").get("/console/demand").text


def test_the_csv_holds_the_same_numbers_and_no_formula(sign_in, catalog_dir):  # noqa: F811
    path = catalog_dir / "sondrio.yml"
    text = path.read_text(encoding="utf-8")
    name = re.search(r"^  name: .*$", text, re.MULTILINE)[0]
    path.write_text(text.replace(name, "  name: '=HYPERLINK(\"x\")'", 1), encoding="utf-8")
    browser = sign_in()
    ask(23)

    answer = browser.get("/console/demand/figures.csv")

    assert "attachment" in answer.headers["content-disposition"]
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert ["Per bisogno", "Casa", "20", "20"] in [row[:4] for row in table]
    assert [row[1] for row in table if "HYPERLINK" in "".join(row)] == ['\'=HYPERLINK("x")']
    assert not [cell for row in table for cell in row if cell[:1] in "=+-@" and cell]


def test_the_sheet_is_of_the_month_that_ended_last(sign_in):
    browser = sign_in()
    ask(20, month=LAST)
    ask(50, "tax_code")

    page = browser.get("/console/demand/month")

    assert [row[0] for row in rows(page, "Per bisogno")] == ["Casa"]
    assert date.fromisoformat(f"{LAST}-01").strftime("%Y") in page.text


def test_the_measures_of_mediation_are_those_of_the_report(sign_in):
    browser = sign_in()
    request(6, minutes=7)
    request(2, language="fr")
    request(9, "Lodi", "it", "unclaimed", 30)

    page = browser.get("/console/demand/mediation")

    assert rows(page, "Per lingua") == [
        ["arabo", "5", "&lt;5", "&lt;5", "7", "7"],
        ["italiano", "5", "&lt;5", "5", "30", "30"],
    ]
    assert len(rows(browser.get("/console/demand/mediation?ambito=lodi"), "Per lingua")) == 1
