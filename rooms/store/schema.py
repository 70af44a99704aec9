"""The tables of the SQLite store, in numbered steps. A step that has been released is never changed."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rooms.store import keys
from rooms.store.base import StoreUnavailable

APPLICATION_ID = 0x4D6F7473
"""SQLite's mark of whose file it is: "Mots"."""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
        "INSERT INTO meta VALUES ('record_version', 0)",
        "CREATE TABLE streams (stream TEXT PRIMARY KEY, version INTEGER NOT NULL, hash BLOB NOT NULL)"
        " STRICT, WITHOUT ROWID",
        "CREATE TABLE events (position INTEGER PRIMARY KEY, stream TEXT NOT NULL REFERENCES streams (stream),"
        " version INTEGER NOT NULL, head BLOB NOT NULL, content BLOB, previous BLOB NOT NULL,"
        " hash BLOB NOT NULL, UNIQUE (stream, version)) STRICT",
        "CREATE TABLE content_keys (stream TEXT NOT NULL REFERENCES streams (stream), owner TEXT NOT NULL,"
        " wrapped BLOB, PRIMARY KEY (stream, owner)) STRICT, WITHOUT ROWID",
        "CREATE TABLE entries (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, stream TEXT NOT NULL,"
        " owner TEXT NOT NULL, at REAL NOT NULL, version INTEGER NOT NULL, stream_hash BLOB NOT NULL,"
        " previous BLOB NOT NULL, hash BLOB NOT NULL) STRICT",
        "CREATE TABLE records (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        " version INTEGER NOT NULL, expires_at REAL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID",
        "CREATE INDEX records_by_expiry ON records (expires_at) WHERE expires_at IS NOT NULL",
    ),
    ("ALTER TABLE streams ADD COLUMN fence INTEGER NOT NULL DEFAULT 0",),
)


def connect(path: Path, busy: float) -> sqlite3.Connection:
    """A connection that waits `busy` seconds for a lock, and is durable when a transaction is committed."""
    connection = sqlite3.connect(path, timeout=busy, isolation_level=None)
    try:
        _to_wal(connection, time.monotonic() + busy)
        for pragma in (
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _to_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """SQLite does not wait by itself when two processes change a new file's journal at once."""
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise StoreUnavailable(f"the database cannot keep a write-ahead log (mode {mode})")
        return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Writes all or nothing; waits for other processes at the start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, path: Path, key_path: Path) -> keys.Vault:
    """Brings the file to the newest step, in one transaction with the making of its key file.

    Raises StoreUnavailable for another program's file, a newer step, or a key file that is not this file's.
    """
    with transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if owner != APPLICATION_ID and (owner or tables):
            raise StoreUnavailable(f"{path} is not a database of this service")
        if version > len(STEPS):
            raise StoreUnavailable(
                f"{path} was written by a newer version of this program (step {version}, known {len(STEPS)})"
            )
        for number, statements in enumerate(STEPS[version:], version + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        if not owner:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        return _vault(connection, path, key_path)


def _vault(connection: sqlite3.Connection, path: Path, key_path: Path) -> keys.Vault:
    row = connection.execute("SELECT value FROM meta WHERE name = 'file_key'").fetchone()
    if row is None:
        vault = keys.Vault(keys.load_key(key_path) if key_path.exists() else keys.make_key(key_path))
        connection.execute("INSERT INTO meta VALUES ('file_key', ?)", (vault.fingerprint,))
        return vault
    vault = keys.Vault(keys.load_key(key_path))
    if vault.fingerprint != row[0]:
        raise StoreUnavailable(f"the key file {key_path} does not belong to {path}")
    return vault
