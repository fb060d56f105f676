"""Demand and translations in a real Chromium: every page sound on a phone and on a desk, and the sheet on one A4."""

from __future__ import annotations

import re

import pytest

from bot.settings import settings
from tests.test_console import PASSWORD, app, catalog_dir, cli  # noqa: F401
from tests.test_console_browser import address, is_sound, page, pytestmark  # noqa: F401
from tests.test_console_demand import LAST, MONTH, ask, request
from tests.test_console_translations import edited, locales  # noqa: F401


@pytest.fixture
def inside(address, page, cli, capsys):  # noqa: F811
    """Signed in as an administrator, where much was asked."""
    cli("invite", "Ada", "--role", "administrator")
    page.goto(capsys.readouterr().out.split()[-1].replace(settings().web_url, address))
    page.fill("#password", PASSWORD)
    page.fill("#repeated", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in")
    page.fill("#name", "Ada")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.complaints.clear()
    needs = "residence_permit housing job_search tax_code italian_course health_registration asylum citizenship"
    needs += " family_reunification school_enrolment legal_aid driving_licence voluntary_return taxes"
    for number, need in enumerate(needs.split()):
        for month, share in ((LAST, 1), (MONTH, 2)):
            for ambito, language, happened in (
                ("Sondrio", "ar", "answered"),
                ("Lodi", "bn", "far"),
                ("Lodi", "ur", "no_service"),
                ("Sondrio", "es", "not_understood"),
                ("", "fr", "unfinished"),
            ):
                ask((90 - 5 * number) // share, need, ambito, language, happened, month)
    request(12)
    request(9, "Lodi", "ur", "unclaimed", 40)
    return page


def test_every_page_of_demand_is_sound(inside, address):  # noqa: F811
    for name in (
        "demand",
        f"demand/month?month={LAST}",
        "demand/mediation",
        "translations",
        "translations/ar/messages",
    ):
        inside.goto(f"{address}/console/{name}")
        assert is_sound(inside)


def test_a_filter_and_the_csv_work_without_scripts(inside, address):  # noqa: F811
    inside.goto(f"{address}/console/demand")
    inside.select_option("#ambito", "lodi")
    inside.click("main form button")
    inside.wait_for_url("**ambito=lodi**")
    assert inside.locator("#ambito").input_value() == "lodi"
    with inside.expect_download() as downloaded:
        inside.get_by_role("link", name="CSV").click()
    assert "Lodi" in downloaded.value.path().read_text(encoding="utf-8-sig")
    assert "lodi" in downloaded.value.suggested_filename


def test_the_month_fits_on_one_sheet(inside, address):  # noqa: F811
    inside.goto(f"{address}/console/demand/month?month={LAST}")
    sheet = inside.pdf(prefer_css_page_size=True)

    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1


def test_a_corrected_file_is_brought_back_and_a_wrong_one_explained(inside, address, locales, tmp_path):  # noqa: F811
    inside.goto(f"{address}/console/translations/ar/messages")
    with inside.expect_download() as downloaded:
        inside.click("text=Scarica il file .po")
    raw = downloaded.value.path().read_bytes()
    wrong, right = tmp_path / "wrong.po", tmp_path / "right.po"
    wrong.write_bytes(edited(raw, {"%(mediator)s has taken it.": "أخذه.", "Residence permit": "شيء"}))
    right.write_bytes(edited(raw, {"Menu": "القائمة كلها"}))

    inside.set_input_files("#file", wrong)
    inside.click("text=Controlla e salva")
    inside.wait_for_selector(".problem")
    assert is_sound(inside)
    inside.set_input_files("#file", right)
    inside.click("text=Controlla e salva")
    inside.wait_for_selector(".alert-success")
    assert is_sound(inside)
    inside.set_input_files("#file", wrong)
    wrong.write_bytes(edited(raw, {"Menu": "قائمة"}))
    inside.set_input_files("#file", wrong)
    inside.click("text=Controlla e salva")
    inside.wait_for_selector(".alert-warning")
    assert is_sound(inside)
