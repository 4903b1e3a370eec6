"""What becomes of requests when PostgreSQL has cut the connections that the pool keeps, and of whoever waits for
somebody that has vanished."""

import psycopg
import pytest
from django.conf import settings
from django.db import connection

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@pytest.mark.django_db(transaction=True)
def test_nobody_is_handed_a_connection_that_was_cut_while_nobody_used_it() -> None:
    connection.ensure_connection()
    parameters = {name: value for name, value in connection.get_connection_params().items() if name != "pool"}
    name = parameters["dbname"]
    connection.close()  # back into the pool
    plain = {one: parameters[one] for one in ("dbname", "user", "password", "host", "port")}
    with psycopg.connect(**plain, autocommit=True) as other:
        assert other.execute(CUT, [name]).fetchall(), "the pool kept one"
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.django_db
def test_postgresql_ends_a_transaction_of_somebody_who_vanished_and_a_wait_for_him() -> None:
    with connection.cursor() as cursor:
        told = {name: cursor.execute(f"SHOW {name}").fetchone()[0] for name in settings.DATABASE_PATIENCE}
    assert told == {
        "idle_in_transaction_session_timeout": "1min",
        "lock_timeout": "10s",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    }


@pytest.mark.django_db
def test_a_postgresql_that_vanished_is_given_up_within_half_a_minute() -> None:
    connection.ensure_connection()
    told = psycopg.conninfo.conninfo_to_dict(connection.connection.info.dsn)
    seconds, interval, count = (int(str(told[f"keepalives_{name}"])) for name in ("idle", "interval", "count"))
    assert seconds + interval * count < 30
