"""The migrations, forth and back, with rows in the tables."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic import command

from bot.database.migrate import alembic_config, migrate
from bot.database.tables import Account, Audit, Base, sessions
from tests.mediation import environment


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    (tmp_path / "state").mkdir()
    with environment({"BOT_STATE_DIR": str(tmp_path / "state"), "BOT_DATABASE_URL": url}):
        yield


def test_the_schema_goes_back_and_forth_and_keeps_who_has_an_account(database):
    migrate()
    with sessions().begin() as session:
        session.add(Account(name="Anna", role="operator", ambiti=["sondrio"]))
        session.add(Audit(actor="console:" + 64 * "n", action="look"))

    command.downgrade(alembic_config(), "0003")
    migrate()

    with sessions()() as session:
        assert session.scalars(sa.select(Account.name)).all() == ["Anna"]
        assert session.scalars(sa.select(Audit.actor)).all() == ["console:" + 24 * "n"]


def test_every_table_can_be_taken_away(database):
    migrate()
    command.downgrade(alembic_config(), "base")

    with sessions()() as session:
        left = sa.inspect(session.get_bind()).get_table_names()
    assert not set(left) & set(Base.metadata.tables)
