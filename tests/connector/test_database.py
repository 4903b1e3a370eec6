"""What becomes of requests when PostgreSQL has cut the connections that the pool keeps."""

import psycopg
import pytest
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
