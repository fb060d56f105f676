"""Everything under /console."""

from __future__ import annotations

from starlette.routing import Mount, Route

from bot.console import closing, demand, history, inbox, pages, po_files, profile, service, sign_in, staff


def routes() -> list[Route | Mount]:
    """The pages of the console, topic by topic."""
    return [
        route
        for topic in (sign_in, pages, service, history, closing, inbox, staff, demand, po_files, profile)
        for route in topic.routes()
    ]
