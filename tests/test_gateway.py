"""What the gateway makes of what people send."""

import pytest

from bot.catalog.loader import Catalog
from bot.gateway.gateway import _PAYLOAD, LONGEST_QUESTION, clean
from bot.settings import settings
from bot.telegram_app.app import LONGEST_MESSAGE, inline_keyboard, split


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  ciao\u202e mondo\u0000 ", "ciao  mondo"),
        ("/restart", "restart"),
        ('/inform_place{"place":"x"}', 'inform_place{"place":"x"}'),
        ("<b>ciao</b>'; DROP TABLE people;--", "<b>ciao</b>'; DROP TABLE people;--"),
    ],
)
def test_text_is_cleaned_and_never_a_command(typed, kept):
    assert clean(typed) == kept


def test_a_very_long_message_is_cut():
    assert len(clean("a" * 10_000)) == LONGEST_QUESTION


@pytest.mark.parametrize("forged", ['/a{"x":{}}', "ciao", "/A B", '/x{"y":"<script>"}', "/x" * 40])
def test_a_forged_button_is_not_a_payload(forged):
    assert not _PAYLOAD.match(forged)


def test_every_service_fits_into_a_button():
    for service in Catalog(settings().catalog_dir).refresh().services:
        payload = f'/ask_address{{"service":"{service}"}}'
        assert _PAYLOAD.match(payload)
        assert len(payload.encode()) <= 64


def test_a_long_answer_is_split_at_line_ends_and_nothing_is_lost():
    text = "\n".join(["riga " * 20] * 100)

    parts = split(text)

    assert all(len(part) <= LONGEST_MESSAGE for part in parts)
    assert "\n".join(parts) == text


def test_web_addresses_open_and_other_buttons_come_back():
    markup = inline_keyboard([{"title": "a", "payload": "https://example.org"}, {"title": "b", "payload": "/help"}])

    [[link, back]] = markup.inline_keyboard
    assert (link.url, back.callback_data) == ("https://example.org", "/help")
