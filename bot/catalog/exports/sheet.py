"""A printable A4 sheet for the door of a desk, with a QR code that opens the bot at that desk."""

from __future__ import annotations

import io
from datetime import date

import segno
from fpdf import FPDF

from bot.catalog.card import address
from bot.catalog.hours.words import is_simple, usual_week
from bot.catalog.model import Ambito, Service, vocabulary
from bot.fonts import font_for
from bot.i18n import Translations, languages, translations

MARGIN, QR_SIZE = 18, 52  # millimetres
_DAY_OF_OCTOBER = {"Mo": 12, "Tu": 13, "We": 14, "Th": 15, "Fr": 16, "Sa": 17, "Su": 18}  # 2026: a Monday to its Sunday


def service_sheet(service: Service, codes: list[str], link: str) -> bytes:
    """The sheet of one desk in these languages; raises FontMissing."""
    sheet = _Sheet(codes)
    sheet.head(service.name, [service.provider, address(service), ", ".join(service.phone)], link)
    for code in codes:
        sheet.section(code, _about(service, translations(code)))
    return bytes(sheet.output())


def ambito_sheet(ambito: Ambito, services: list[Service], codes: list[str], link: str) -> bytes:
    """The sheet of an ambito: what the bot is, in these languages, and the desks that one can go to."""
    sheet = _Sheet(codes)
    sheet.head(ambito.name, [ambito.lead], link)
    for code in codes:
        sheet.section(code, [_invitation(translations(code))])
    sheet.desks([(s.name, ", ".join(filter(None, [address(s), *s.phone[:1]]))) for s in services if s.address])
    return bytes(sheet.output())


def _invitation(tr: Translations) -> str:
    # Translators: printed on a sheet of paper at the door of an office, next to a QR code.
    return tr("Scan the code with your phone. The bot answers in your language: hours, address, what to bring.")


def _about(service: Service, tr: Translations) -> list[str]:
    """What the sheet says in one language."""
    lines = [", ".join(tr(vocabulary().label("needs", code)) for code in service.needs)]
    if service.timetable:
        lines += week_lines(service.timetable, tr)
        if service.hours and not is_simple(service.hours):
            lines.append(tr("The hours change in some months or on some days: ask the bot."))
    if service.booking:
        told = tr(vocabulary().label("booking", service.booking))
        lines.append(told[0].upper() + told[1:])
    if service.bring:
        documents = tr.join([tr(vocabulary().label("documents", code)) for code in service.bring])
        lines.append(tr("Bring: %(documents)s.", documents=documents))
    return [*lines, _invitation(tr)]


def week_lines(text: str, tr: Translations) -> list[str]:
    """The ordinary week, a line for the days that share their hours."""
    if text == "24/7":
        return [tr("Always open, day and night.")]
    days: dict[str, list[str]] = {}
    for day, spans in usual_week(text).items():
        hours = ", ".join(tr.isolate(f"{_clock(begin)}-{_clock(end)}") for begin, end in spans)
        days.setdefault(hours, []).append(tr.weekday(date(2026, 10, _DAY_OF_OCTOBER[day])))
    return [tr("%(weekday)s: %(hours)s", weekday=tr.join(names), hours=hours) for hours, names in days.items()]


def _clock(text: str) -> str:
    return text.removeprefix("0")


class _Sheet(FPDF):
    """One A4 page with a font for each language."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(format="A4")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, margin=MARGIN)
        for code in dict.fromkeys(["it", *codes]):
            self.add_font(code, fname=font_for(code))
        self.set_fallback_fonts(["it"])
        self.set_text_shaping(True)
        self.add_page()

    def head(self, title: str, lines: list[str | None], link: str) -> None:
        """The name as it is on the door, and the QR code beside it."""
        code = io.BytesIO()
        segno.make(link, error="m").save(code, kind="png", scale=10, border=2)
        self.image(code, x=self.w - MARGIN - QR_SIZE, y=MARGIN, w=QR_SIZE)
        width = self.epw - QR_SIZE - 6
        self.set_font("it", size=22)
        self.multi_cell(width, 10, title, new_x="LMARGIN", new_y="NEXT", align="L")
        self.set_font("it", size=12)
        for line in filter(None, lines):
            self.multi_cell(width, 7, line, new_x="LMARGIN", new_y="NEXT", align="L")
        self.set_y(max(self.get_y() + 4, MARGIN + QR_SIZE))
        self.set_font("it", size=8)
        self.multi_cell(self.epw, 5, link, new_x="LMARGIN", new_y="NEXT", align="R")

    def section(self, code: str, lines: list[str]) -> None:
        """What the sheet says in one language, from its own side of the page."""
        align = "R" if languages()[code].direction == "rtl" else "L"
        with self.unbreakable() as block:
            block.ln(2)
            block.set_font(code, size=13)
            name = languages()[code].name
            block.multi_cell(block.epw, 9, name, border="T", new_x="LMARGIN", new_y="NEXT", align=align)
            block.set_font(code, size=10.5)
            for line in lines:
                block.multi_cell(block.epw, 5.5, line, new_x="LMARGIN", new_y="NEXT", align=align)

    def desks(self, rows: list[tuple[str, str]]) -> None:
        """Names and addresses, as they are on the doors."""
        self.ln(4)
        for name, where in rows:
            self.set_font("it", size=11)
            self.multi_cell(self.epw, 6, name, new_x="LMARGIN", new_y="NEXT", align="L")
            self.set_font("it", size=9)
            self.multi_cell(self.epw, 5, where, new_x="LMARGIN", new_y="NEXT", align="L")
            self.ln(1)
