"""Alembic's entry: migrations run on the bot's own engine."""

from alembic import context

from bot.database.engine import make_engine
from bot.database.tables import Base

url = context.config.get_main_option("sqlalchemy.url")
assert url
with make_engine(url).connect() as connection:
    if connection.dialect.name == "postgresql":  # several gateways may start at once
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('ponte migrations'))")
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
