"""What people needed: the figures as a page, as CSV, as a sheet to print, and the measures of mediation."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Mount, Route

from bot.catalog.exports.tables import cell
from bot.catalog.hours import ROME
from bot.catalog.loader import catalog
from bot.console import accounts, forms
from bot.console.pages import Asked, Refused, endpoint
from bot.database.tables import sessions
from bot.demand import counting, figures
from bot.demand.figures import Figures, Line, Wanted
from bot.demand.small_numbers import rounded, told
from bot.i18n import N_, Translations, languages
from bot.mediation import report
from bot.mediation.codes import codes
from bot.mediation.states import TAKEN, WAITING
from bot.settings import settings

COLUMNS = {
    "answered": N_("Desk nearby"),
    "far": N_("Only far away, or for the whole region"),
    "no_service": N_("No service"),
    "not_understood": N_("Not understood"),
    "unfinished": N_("Town or age not said"),
    "out_of_scope": N_("Not about services"),
    "referred": N_("Asked for a mediator"),
}
STATES = {WAITING: N_("Waiting for a mediator"), TAKEN: N_("A mediator has it")}
ANSWERS = {"yes": N_("Yes"), "little": N_("A little"), "not_yet": N_("Not yet"), "no": N_("No")}
FILLS = ("#0b4a8f", "#e8a33d", "#c5d1de")  # the bar's parts: a desk nearby, unanswered, the rest
ROWS_IN_PRINT = 10


def _readable(asked: Asked) -> dict[str, str]:
    """The ambiti whose figures the account may see, by id."""
    files = catalog().refresh().files
    return {ambito: one.ambito.name for ambito, one in files.items() if accounts.may_read(asked.who, ambito)}


def _wanted(asked: Asked, month: str = "") -> tuple[Wanted, dict[str, str]]:
    """What the address asks for, as far as the account may see it, and the same as the form's values."""
    if accounts.DEMAND not in accounts.sections(asked.who):
        raise Refused(403, asked.tr("This page is not for your role."))
    picked = {name: asked.request.query_params.get(name, "") for name in ("ambito", "need", "language", "month")}
    picked["month"] = month or (picked["month"] if re.fullmatch(r"2[0-9]{3}-(0[1-9]|1[0-2])", picked["month"]) else "")
    picked["need"] = picked["need"] if picked["need"] in forms.choices("needs", asked.tr) else ""
    picked["language"] = picked["language"] if picked["language"] in languages() else ""
    now = counting.month_of(asked.now.astimezone(ROME).date())
    months = (picked["month"],) if picked["month"] else figures.months_before(now)
    return Wanted(months, _ambiti(asked, picked["ambito"]), picked["need"], picked["language"]), picked


def _ambiti(asked: Asked, ambito: str) -> frozenset[str] | None:
    """The names of the ambito, or of all those that the account may see; None for whoever sees everything."""
    if ambito and not accounts.may_read(asked.who, ambito):
        with sessions().begin() as session:
            accounts.audit(session, asked.who.name, "refused", ambito[:64], "demand")
        raise Refused(403, asked.tr("This ambito is not one of yours."))
    if ambito and ambito not in catalog().refresh().files:
        raise Refused(404, asked.tr("There is no such ambito."))
    if ambito:
        return catalog().names_of_ambito(ambito)
    if accounts.may_read(asked.who, ""):
        return None
    return frozenset().union(*(catalog().names_of_ambito(one) for one in _readable(asked)))


def _figures(asked: Asked, wanted: Wanted) -> Figures:
    with sessions()() as session:
        return figures.figures(session, wanted, asked.now.astimezone(ROME).date())


class Names:
    """The words for the codes in the language of the console."""

    def __init__(self, tr: Translations) -> None:
        self.tr = tr
        self._needs = forms.choices("needs", tr)
        self._ids = figures.ambito_ids()

    def need(self, code: str) -> str:
        return self._needs.get(code) or code or self.tr("Need not known")

    def language(self, code: str) -> str:
        return self.tr.language_name(code)

    def ambito(self, code: str) -> str:
        code = self._ids.get(code, code)
        files = catalog().files
        return files[code].ambito.name if code in files else code or self.tr("Town not said")

    def month(self, code: str) -> str:
        return self.tr.month(figures.first_day(code))

    def outcome(self, code: str) -> str:
        label = codes()["outcomes"].get(code) or STATES.get(code)
        return self.tr(label) if label else code


def _parts(found: Figures, names: Names, tr: Translations) -> list[dict[str, Any]]:
    """The tables of the page: title, heading of the first column, rows."""
    parts = [
        (tr("By need"), tr("Need"), found.by_need, names.need),
        (tr("By language"), tr("Language"), found.by_language, names.language),
        (tr("By ambito"), tr("Ambito"), found.by_ambito, names.ambito),
        (tr("By month"), tr("Month"), found.by_month, names.month),
    ]
    return [
        {"title": title, "heading": heading, "rows": [_row(name(line.code), line, lines) for line in lines]}
        for title, heading, lines, name in parts
    ]


def _row(name: str, line: Line, lines: list[Line]) -> dict[str, Any]:
    """The numbers as they may be told, and the bar drawn from those very numbers."""
    most = max(rounded(one.asked) for one in lines) or 1
    known = rounded(line.counts[counting.ANSWERED])
    unanswered = min(rounded(line.unanswered), max(rounded(line.asked) - known, 0))
    rest = max(rounded(line.asked) - known - unanswered, 0)
    widths = [round(100 * part / most, 1) for part in (known, unanswered, rest)]
    return {
        "name": name,
        "asked": told(line.asked),
        "numbers": [told(line.counts[column]) for column in COLUMNS],
        "bar": [(round(sum(widths[:i]), 1), width, FILLS[i]) for i, width in enumerate(widths) if width],
    }


def _unanswered(found: Figures, names: Names) -> list[tuple[str, str]]:
    """Needs by how many questions ended with nothing near."""
    lines = [line for line in found.by_need if rounded(line.unanswered)]
    lines.sort(key=lambda line: (-rounded(line.unanswered), line.code))
    return [(names.need(line.code), told(line.unanswered)) for line in lines]


def _page(asked: Asked, template: str, wanted: Wanted, picked: dict[str, str], **values: Any) -> Response:
    tr, names = asked.tr, Names(asked.tr)
    with sessions()() as session:
        counted = figures.months_counted(session)
    return asked.page(
        template,
        picked=picked,
        query=urlencode({name: value for name, value in picked.items() if value}),
        ambiti=_readable(asked),
        needs=forms.choices("needs", tr),
        spoken={code: tr.language_name(code) for code in languages()},
        months={month: names.month(month) for month in counted},
        period=f"{names.month(wanted.months[0])} - {names.month(wanted.months[-1])}"
        if len(wanted.months) > 1
        else names.month(wanted.months[0]),
        columns=[tr(label) for label in COLUMNS.values()],
        smallest=settings().smallest_number,
        told=told,
        fills=FILLS,
        names=names,
        **values,
    )


def _telling(asked: Asked, found: Figures) -> dict[str, Any]:
    names = Names(asked.tr)
    return {
        "total": found.total,
        "numbers": [(asked.tr(label), told(found.total.counts[column])) for column, label in COLUMNS.items()],
        "parts": _parts(found, names, asked.tr),
        "outcomes": [(names.outcome(code), told(count)) for code, count in found.outcomes],
        "unanswered": _unanswered(found, names),
        "missing": [
            (names.need(need), names.ambito(ambito), told(count), ambito if _may_add(asked, ambito) else "")
            for need, ambito, count in found.missing
        ],
    }


def _may_add(asked: Asked, ambito: str) -> bool:
    return ambito in catalog().files and accounts.may_edit(asked.who, ambito)


def demand(asked: Asked) -> Response:
    """The figures of a year or of a month, with charts."""
    wanted, picked = _wanted(asked)
    return _page(asked, "demand.html", wanted, picked, **_telling(asked, _figures(asked, wanted)))


def month(asked: Asked) -> Response:
    """One month on one sheet; the month that ended last, unless another is asked for."""
    now = counting.month_of(asked.now.astimezone(ROME).date())
    wanted, picked = _wanted(asked)
    if not picked["month"]:
        wanted, picked = _wanted(asked, figures.months_before(now, 2)[0])
    telling = _telling(asked, _figures(asked, wanted))
    telling["parts"] = [{**part, "rows": part["rows"][:ROWS_IN_PRINT]} for part in telling["parts"][:3]]
    return _page(asked, "demand_month.html", wanted, picked, today=asked.now.astimezone(ROME).date(), **telling)


def table(asked: Asked) -> Response:
    """The same numbers as CSV."""
    wanted, picked = _wanted(asked)
    tr = asked.tr
    telling = _telling(asked, _figures(asked, wanted))
    rows: list[Iterable[object]] = [
        [tr("Table"), tr("Name"), tr("Questions"), *(tr(label) for label in COLUMNS.values())]
    ]
    rows.append([tr("All"), "", told(telling["total"].asked), *(number for _, number in telling["numbers"])])
    for part in telling["parts"]:
        rows += [[part["title"], row["name"], row["asked"], *row["numbers"]] for row in part["rows"]]
    rows += [[tr("How requests for a mediator ended"), name, count] for name, count in telling["outcomes"]]
    rows += [[tr("Missing services"), f"{need}, {where}", count] for need, where, count, _ in telling["missing"]]
    rows += [[tr("Unanswered questions"), need, count] for need, count in telling["unanswered"]]
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    name = f"ponte-{'-'.join(filter(None, [picked['month'] or wanted.months[-1], picked['ambito']]))}.csv"
    return Response(
        "\ufeff" + out.getvalue(),  # without the mark, spreadsheets take UTF-8 for something else
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def mediation(asked: Asked) -> Response:
    """How long people waited for a mediator, and how it ended; the same measures as `bot mediation report`."""
    wanted, picked = _wanted(asked)
    tr, names = asked.tr, Names(asked.tr)
    with sessions()() as session:
        referrals = figures.referrals(session, wanted)
    headings = {"language": [tr("Language")], "ambito": [tr("Ambito")]}
    headings["language and ambito"] = [tr("Language"), tr("Ambito")]
    named = {"language": [names.language], "ambito": [names.ambito]}
    named["language and ambito"] = [names.language, names.ambito]
    titles = {
        "language": tr("By language"),
        "ambito": tr("By ambito"),
        "language and ambito": tr("By language and ambito"),
    }
    tables = [
        {
            "title": titles[by],
            "headings": headings[by],
            "rows": [
                {
                    "names": [name(code) for name, code in zip(named[by], one.key, strict=True)],
                    "numbers": [told(one.asked), told(one.waiting), told(one.unclaimed)],
                    "minutes": one.minutes,
                }
                for one in report.measures(referrals, key)
            ],
        }
        for by, key in report.BY.items()
    ]
    ended = report.outcomes(referrals)
    answers = [
        (tr("How requests for a mediator ended"), [(names.outcome(code), n) for code, n in ended["outcomes"]]),
        (tr("Did the mediator help?"), [(_answer(code, tr), n) for code, n in ended["did the mediator help"]]),
        (tr("Were they received at the desk?"), [(_answer(code, tr), n) for code, n in ended["were they received"]]),
    ]
    return _page(asked, "demand_mediation.html", wanted, picked, tables=tables, answers=answers, total=len(referrals))


def _answer(code: str, tr: Translations) -> str:
    return tr(ANSWERS[code]) if code in ANSWERS else code


def routes() -> list[Route | Mount]:
    """Everything about demand."""
    return [
        Route("/demand", endpoint(demand), methods=["GET"]),
        Route("/demand/month", endpoint(month), methods=["GET"]),
        Route("/demand/mediation", endpoint(mediation), methods=["GET"]),
        Route("/demand/figures.csv", endpoint(table), methods=["GET"]),
    ]
