"""A database of an older version is brought to the newest schema with everything in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from agent.store.migrate import SCRIPTS
from agent.store.tables import metadata

CUSTOMER = '{"name":"Laura","age":44,"facts":{}}'


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")
        yield engine
        engine.dispose()
        return
    url = request.getfixturevalue("postgres_url").replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("drop database if exists old"))
        connection.execute(text("create database old"))
    engine.dispose()
    engine = create_engine(make_url(url).set(database="old"))
    yield engine
    engine.dispose()


def upgrade(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_what_was_stored_by_the_first_version_is_kept(engine: Engine) -> None:
    upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into conversations values ('c-1', 'ngx', 'chat', null, :customer, :empty, :empty, 3, 2, 'gone', 1.0,"
                " 'lost', 5.0, 6.0)"
            ),
            {"customer": CUSTOMER.encode(), "empty": b"{}"},
        )
        for seq, role, said in ((1, "customer", "hola"), (2, "agent", "buenas"), (3, "customer", "¿y?")):
            row = {"seq": seq, "role": role, "said": said}
            connection.execute(text("insert into messages values ('c-1', :seq, :role, :said, 't', 5.0)"), row)
        for message, turn, seq, response, finished in (("m-1", "t-1", 1, b"{}", 6.0), ("m-2", "t-2", 2, None, None)):
            connection.execute(
                text("insert into turns values ('c-1', :m, :t, :s, 'sha', :q, :r, :r, 5.0, :f)"),
                {"m": message, "t": turn, "s": seq, "q": 2 * seq - 1, "r": response, "f": finished},
            )
        connection.execute(text("insert into outcomes values ('c-1', 1, 'lost', null, :empty, 6.0)"), {"empty": b"{}"})
    upgrade(engine, "head")
    with engine.connect() as connection:
        row = connection.execute(
            text("select tenant, id, customer, seq, turns, waiting, outcome from conversations")
        ).one()
        assert (row[0], row[1], bytes(row[2]).decode(), *row[3:]) == ("default", "c-1", CUSTOMER, 3, 2, 1, "lost")
        said = connection.execute(text("select seq, text from messages where tenant = 'default' order by seq")).all()
        assert [tuple(one) for one in said] == [(1, "hola"), (2, "buenas"), (3, "¿y?")]
        left = connection.execute(
            text("select message_id, message_seq, lease_until from turns where finished_at is null")
        )
        assert [tuple(one) for one in left] == [("m-2", 3, 0.0)]
        assert connection.execute(text("select count(*) from outcomes")).scalar_one() == 1


def test_the_migrations_make_what_the_tables_say(engine: Engine) -> None:
    upgrade(engine, "head")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert [one for one in differences if "modify_comment" not in str(one)] == []
