"""Nothing is lost, whatever dies: a short run; `make faults` has the long one."""

from __future__ import annotations

from tests import faults


def test_killed_gateways_and_outages_lose_nothing_on_sqlite(tmp_path):
    outcome = faults.inject(tmp_path, kills=4, mediators=2, pause=0.6)

    check(outcome, at_once=8)


def test_two_gateways_on_postgresql_lose_nothing(tmp_path, postgresql_url, postgresql_server):
    _, restart = postgresql_server
    outcome = faults.inject(
        tmp_path, kills=3, mediators=2, pause=0.6, gateways=2, database_url=postgresql_url, restart_database=restart
    )

    check(outcome, at_once=8)


def check(outcome, at_once):
    """A kill can repeat at most the message under way in each of the chats, a lost answer one."""
    print(outcome)
    assert outcome.messages >= faults.FEWEST_MESSAGES
    assert (outcome.lost, outcome.reordered, outcome.misdelivered) == (0, 0, 0), str(outcome)
    assert outcome.duplicated <= outcome.faults["kill -9"] * at_once + outcome.faults["answer lost"], str(outcome)
