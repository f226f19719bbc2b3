"""Connections to PostgreSQL: as many as DB_POOL_SIZE says, opened when they are first needed."""
import contextlib
import os
import queue
import select

import psycopg2

from circuit import Circuit

circuit = Circuit("database", psycopg2.OperationalError)
free = queue.LifoQueue()
for _ in range(int(os.environ.get("DB_POOL_SIZE", "5"))):
    free.put(None)


def usable(connection):
    """What the server says unasked is that it goes."""
    return connection and not connection.closed and not select.select([connection], [], [], 0)[0]


@contextlib.contextmanager
def lent():
    """A connection out of the pool; who finds none free waits."""
    try:
        connection = free.get(timeout=5)
    except queue.Empty:
        raise psycopg2.OperationalError("every connection is in use") from None
    try:
        if not usable(connection):
            connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=3)
        yield connection
    finally:
        free.put(connection)


@contextlib.contextmanager
def transaction():
    """A cursor; what was done with it is kept when the block ends well."""
    with circuit.guard(), lent() as connection:
        with connection, connection.cursor() as cursor:
            yield cursor
