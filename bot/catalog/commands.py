"""`bot catalog ...`: what operators do with the catalogue at the command line. It speaks Italian, as they do."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path

from bot.catalog.exports import FORMATS
from bot.catalog.freshness import SOON, due_on
from bot.catalog.guides import FOLDER as GUIDES
from bot.catalog.guides import Guides, read_guide
from bot.catalog.hours import ROME, checked_hours, doubts, read_italian, week
from bot.catalog.hours.italian import HoursNotUnderstood
from bot.catalog.loader import Catalog, Problem, check_file
from bot.catalog.model import Service
from bot.catalog.schema import GUIDE_FILE, SCHEMA_FILE, json_schema, with_tables
from bot.catalog.school_register import RegisterNotUnderstood, import_schools
from bot.i18n import languages, translations
from bot.settings import ROOT, settings


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The tasks of `bot catalog`."""
    tasks = parser.add_subparsers(dest="task", required=True)

    def task(name: str, does: Callable[[argparse.Namespace], int], said: str) -> argparse.ArgumentParser:
        one = tasks.add_parser(name, help=said)
        one.set_defaults(does=does)
        return one

    check = task("check", _check, "say everything that is wrong with the files")
    check.add_argument("files", nargs="*", type=Path)
    hours = task("hours", _hours, "turn hours typed in Italian into the notation")
    hours.add_argument("text", help='such as "lun-ven 9-12.30, mer anche 14-17"')
    due = task("due", _due, "list the entries that somebody should look at again")
    due.add_argument("ambito", nargs="?", help="only those of this ambito")
    links = task("links", _links, "look whether the pages behind the entries are still there; needs the internet")
    links.add_argument("ambito", nargs="?", help="only those of this ambito")
    schools = task("import-schools", _import_schools, "take in the Ministry's register of state schools")
    schools.add_argument("file", type=Path)
    schools.add_argument("--date", required=True, help="date of the register's file, such as 2025-09-01")
    export = task("export", _export, "write the catalogue in another format")
    export.add_argument("format", choices=sorted(FORMATS))
    export.add_argument("-o", "--output", type=Path, help="instead of standard output")
    sheet = task("sheet", _sheet, "make a printable sheet with a QR code for a desk or an ambito")
    sheet.add_argument("id", help="id of a service or of an ambito")
    sheet.add_argument("-o", "--output", type=Path, required=True)
    sheet.add_argument("--languages", default="it", help="codes separated by commas, such as it,ar,bn")
    link = sheet.add_mutually_exclusive_group(required=True)
    link.add_argument("--bot", help="the bot's name on Telegram, without @")
    link.add_argument("--web", help="address of the web chat")
    task("schema", _schema, "write the JSON Schema and the tables of the operators' guide")


def _live() -> Catalog:
    return Catalog(settings().catalog_dir).refresh()


def _services(ambito: str | None) -> list[Service] | None:
    """What is valid today, in one ambito or in all; None, having said so, for an ambito that is not there."""
    live, today = _live(), date.today()
    if ambito is None:
        return live.current(today)
    if ambito not in live.files:
        print(f"«{ambito}» non è un ambito. Ci sono: {', '.join(live.files)}.")
        return None
    ids = {service.id for service in live.files[ambito].services}
    return [service for service in live.current(today) if service.id in ids]


def _check(given: argparse.Namespace) -> int:
    return check_files(given.files)


def check_files(paths: list[Path]) -> int:
    """Print every problem of these files, or of all; 1 when one is an error."""
    problems: list[Problem] = []
    if not paths:
        live, guides = _live(), Guides(settings().catalog_dir / GUIDES).refresh()
        paths = [*sorted(live.problems), *sorted(guides.problems)]
        problems = [p for found in live.problems.values() for p in found] + guides.missing()
        print(f"servizi: {len(live.services)}, guide: {len(guides.by_need)}")
    for path in paths:
        read = read_guide if path.resolve().parent.name == GUIDES else check_file
        problems += [p for p in read(path).problems if p not in problems]
    for problem in sorted(problems, key=lambda p: (p.path, p.line)):
        print(problem)
    errors = sum(p.level == "error" for p in problems)
    print(f"errori: {errors}, avvisi: {len(problems) - errors}")
    return 1 if errors else 0


def _hours(given: argparse.Namespace) -> int:
    try:
        read = read_italian(given.text)
        checked_hours(read.notation)
    except (HoursNotUnderstood, ValueError) as refused:
        print(refused)
        return 1
    print(read.notation)
    for line in week(read.notation, datetime.now(ROME), translations("it")):
        print(f"  {line}")
    said = read.warnings + [doubt for doubt in doubts(read.notation, date.today()) if "festivi" not in doubt]
    for warning in said:
        print(f"attenzione: {warning}")
    return 0


def _due(given: argparse.Namespace) -> int:
    services, today = _services(given.ambito), date.today()
    if services is None:
        return 2
    dated = sorted(((due_on(service), service) for service in services), key=lambda pair: (pair[0], pair[1].id))
    overdue = [(day, service) for day, service in dated if day <= today]
    soon = [(day, service) for day, service in dated if today < day <= today + SOON]
    for title, listed in (("da rivedere", overdue), ("da rivedere entro 30 giorni", soon)):
        print(f"{title}: {len(listed)} su {len(services)}")
        for day, service in listed:
            since = "data ignota" if day == date.min else f"dal {day:%d/%m/%Y}"
            print(f"  {service.id}: {since}, {', '.join(service.phone) or service.email or service.source.url}")
    return 0


def _links(given: argparse.Namespace) -> int:
    from bot.catalog.links import look_at_pages, pages

    services = _services(given.ambito)
    if services is None:
        return 2
    named = pages(services)
    seen = look_at_pages(named, settings().state_dir / "links.jsonl", date.today(), progress=_progress)
    for url, ids in named.items():
        if seen[url].error or seen[url].changed:
            said = f"non risponde ({seen[url].error})" if seen[url].error else "la pagina è cambiata: rileggila"
            print(f"{', '.join(ids)}: {url}: {said}")
    print(f"pagine: {len(named)}, non rispondono: {sum(bool(seen[u].error) for u in named)}, ", end="")
    print(f"cambiate: {sum(seen[u].changed for u in named)}")
    return 0


def _progress(urls: list[str]) -> Iterable[str]:
    """A progress bar where tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return urls
    bar: Iterable[str] = tqdm(urls, unit="pagina")
    return bar


def _import_schools(given: argparse.Namespace) -> int:
    try:
        imported = import_schools(given.file, settings().catalog_dir / "schools", given.date)
    except (RegisterNotUnderstood, OSError, UnicodeDecodeError) as refused:
        print(refused)
        return 1
    print(f"scuole: {imported.schools}")
    for unknown in imported.unknown_comuni:
        print(f"attenzione: comune sconosciuto, scuola lasciata fuori: {unknown}")
    return 0


def _export(given: argparse.Namespace) -> int:
    text = FORMATS[given.format](_live().current(date.today()))
    if given.output:
        given.output.write_text(text, encoding="utf-8", newline="")
    else:
        print(text)
    return 0


def _sheet(given: argparse.Namespace) -> int:
    from bot.catalog.exports.sheet import ambito_sheet, service_sheet
    from bot.fonts import FontMissing

    codes = given.languages.split(",")
    if unknown := [code for code in codes if code not in languages()]:
        print(f"lingue che il bot non parla: {', '.join(unknown)}. Ci sono: {', '.join(languages())}.")
        return 2
    live = _live()
    where = f"https://t.me/{given.bot}" if given.bot else given.web.rstrip("/")
    link = f"{where}?start={given.id}"
    try:
        if given.id in live.services:
            pdf = service_sheet(live.services[given.id], codes, link)
        elif given.id in live.files:
            file = live.files[given.id]
            pdf = ambito_sheet(file.ambito, [s for s in _services(given.id) or [] if s.scope == "local"], codes, link)
        else:
            print(f"«{given.id}» non è un servizio né un ambito.")
            return 2
    except FontMissing as missing:
        print(missing)
        return 1
    given.output.write_bytes(pdf)
    return 0


def _schema(given: argparse.Namespace) -> int:
    (ROOT / SCHEMA_FILE).write_text(json_schema(), encoding="utf-8")
    guide = ROOT / GUIDE_FILE
    guide.write_text(with_tables(guide.read_text(encoding="utf-8")), encoding="utf-8")
    return 0
