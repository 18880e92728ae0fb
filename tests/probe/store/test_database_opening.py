from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text

from probe.errors import UserError
from probe.store import chain, opening
from probe.store.database import Database
from tests.probe.store.conftest import free_port
from tests.probe.store.example_facts import blobs, cycle, full_cycle, vantage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = 65534


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def test_a_path_without_a_scheme_and_a_sqlite_url_open_the_same_file(path: str) -> None:
    with Database.open(path, create=True) as database:
        database.append("almaty", [vantage()])
    with Database.open(f"sqlite:///{path}") as database, database.session() as session:
        assert session.execute(text("SELECT vantage_id FROM vantage")).scalars().all() == ["almaty"]


def test_every_file_of_a_database_is_readable_by_its_owner_alone_whatever_the_umask(path: str) -> None:
    before = os.umask(0)
    try:
        with Database.open(path, create=True) as database, database.claim():
            database.append("almaty", [vantage()])
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in Path(path).parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["results.db", "results.db-wal", "results.db-shm", "results.db.lock"], 0o600)


def test_the_file_is_never_wider_than_0600_even_while_it_is_made(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    migrate = opening.bring_up_to_date

    def watched(engine: object) -> None:
        seen.extend(stat.S_IMODE(entry.stat().st_mode) for entry in Path(path).parent.iterdir())
        migrate(engine)  # type: ignore[arg-type] # it is the engine that we were given
        seen.extend(stat.S_IMODE(entry.stat().st_mode) for entry in Path(path).parent.iterdir())

    monkeypatch.setattr(opening, "bring_up_to_date", watched)
    Database.open(path, create=True).close()
    assert set(seen) == {0o600}


def test_connections_are_durable_checked_and_overwrite_what_is_deleted(database: Database) -> None:
    pragmas = ["journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout", "application_id"]
    with database.session() as session:
        found = {name: session.execute(text(f"PRAGMA {name}")).scalar_one() for name in pragmas}
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 30_000,
        "application_id": 0x4E426C64,
    }


def foreign(place: Path) -> None:
    connection = sqlite3.connect(place)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.commit()
    connection.close()


def newer(place: Path) -> None:
    Database.open(str(place), create=True).close()
    connection = sqlite3.connect(place)
    connection.execute("UPDATE nameblind_schema SET version_num = '9999'")
    connection.commit()
    connection.close()


def torn(place: Path) -> None:
    Database.open(str(place), create=True).close()
    whole = place.read_bytes()
    place.write_bytes(whole[:100] + b"\xa5" * (len(whole) - 100))


def without_a_revision(place: Path) -> None:
    Database.open(str(place), create=True).close()
    connection = sqlite3.connect(place)
    connection.execute("DELETE FROM nameblind_schema")
    connection.commit()
    connection.close()


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda place: None, "does not exist"),
    "folder": (lambda place: place.mkdir(), "is a folder"),
    "empty": (lambda place: place.write_bytes(b""), "is empty"),
    "garbage": (lambda place: place.write_bytes(b"\xa5" * 5000), "is not a results database"),
    "only a magic": (lambda place: place.write_bytes(b"SQLite format 3\x00"), "is not a results database"),
    "another program's": (foreign, "is a database of another program"),
    "newer": (newer, "newer version of this program (schema 9999)"),
    "without a revision": (without_a_revision, "does not say its schema's revision"),
    "torn": (torn, "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_ours_is_refused_in_one_sentence_and_left_as_it_was(case: str, tmp_path: Path) -> None:
    make, sentence = REFUSED[case]
    place = tmp_path / "results.db"
    make(place)
    before = contents(tmp_path)
    with pytest.raises(UserError) as refusal:
        Database.open(str(place), create=case != "missing")
    assert sentence in str(refusal.value)
    assert str(place) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert contents(tmp_path) == before


def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the folder .*nowhere does not exist"):
        Database.open(str(tmp_path / "nowhere" / "results.db"), create=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["mysql://host/results", "sqlite://", "sqlite:///:memory:", "http://[", "postgres://h/d"]
)
def test_a_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="postgresql://HOST/NAME"):
        Database.open(url, create=True)


def test_an_unreachable_server_is_refused_without_telling_the_password() -> None:
    with pytest.raises(UserError, match="cannot be reached") as refusal:
        Database.open(f"postgresql://probe:hunter2@127.0.0.1:{free_port()}/results")
    assert "hunter2" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Be an unprivileged user for a while where the tests run as root, who may read and write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.parametrize(("mode", "sentence"), [(0o400, "is read-only"), (0o200, "cannot be read")])
def test_a_file_that_may_not_be_written_or_read_is_refused(mode: int, sentence: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed to others
        place = Path(folder) / "results.db"
        Database.open(str(place), create=True).close()
        Path(folder).chmod(0o777)
        if os.geteuid() == 0:
            os.chown(place, NOBODY, -1)
        place.chmod(mode)
        with as_somebody_else(), pytest.raises(UserError, match=sentence):
            Database.open(str(place))


def test_a_folder_that_may_not_be_written_is_refused() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o555)
        with as_somebody_else(), pytest.raises(UserError, match="check the folder's permissions"):
            Database.open(f"{folder}/results.db", create=True)


def test_an_old_schema_is_migrated_on_opening(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database.open(path, create=True) as database:
        database.append("almaty", [vantage()])
    with_a_later_revision(tmp_path, monkeypatch, "op.create_table('later', sa.Column('id', sa.Integer))")
    with Database.open(path) as database, database.session() as session:
        assert session.execute(text("SELECT version_num FROM nameblind_schema")).scalar_one() == "later"
        assert session.execute(text("SELECT count(*) FROM later")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM vantage")).scalar_one() == 1


def test_a_migration_that_fails_half_way_leaves_the_old_schema(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database.open(path, create=True).close()
    current = opening.HEAD
    with_a_later_revision(tmp_path, monkeypatch, "op.create_table('later', sa.Column('id', sa.Integer)); 1 / 0")
    with pytest.raises(ZeroDivisionError):
        Database.open(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM nameblind_schema").fetchall() == [(current,)]
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'later'").fetchall() == [(0,)]
    connection.close()


def test_facts_of_the_first_schema_are_carried_to_the_newest_and_still_verify(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as at_first:
        migrations_in(tmp_path, at_first, ["r0001_first.py"], head="0001")
        with Database.open(path, create=True) as database:
            database.append("almaty", [vantage(), cycle("almaty.1")])
    with Database.open(path) as database:
        database.append("almaty", full_cycle(2), blobs())
        with database.session() as session:
            assert chain.verify(session) == []
            assert session.execute(text("SELECT version_num FROM nameblind_schema")).scalar_one() == opening.HEAD


def migrations_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revisions: list[str], *, head: str) -> Path:
    migrations = tmp_path / "migrations"
    (migrations / "versions").mkdir(parents=True)
    for name in ("env.py", *(f"versions/{revision}" for revision in revisions)):
        (migrations / name).write_text((opening._MIGRATIONS / name).read_text())
    monkeypatch.setattr(opening, "_MIGRATIONS", migrations)
    monkeypatch.setattr(opening, "HEAD", head)
    return migrations


def with_a_later_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str) -> None:
    last = opening.HEAD
    every = sorted(file.name for file in (opening._MIGRATIONS / "versions").glob("r*.py"))
    migrations = migrations_in(tmp_path, monkeypatch, every, head="later")
    (migrations / "versions" / "later.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\nrevision = 'later'\ndown_revision = '{last}'\n"
        f"def upgrade():\n    {work}\n",
    )


def test_opening_a_current_database_does_not_load_alembic(path: str) -> None:
    Database.open(path, create=True).close()
    code = (
        "import sys\nfrom probe.store.database import Database\nDatabase.open(sys.argv[1]).close()\n"
        "print('alembic' in sys.modules)"
    )
    tried = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert tried.stdout.strip() == "False"


def test_what_a_killed_creation_left_does_not_stand_in_the_way(path: str, tmp_path: Path) -> None:
    (tmp_path / ".results.db.new").write_bytes(b"half of a database")
    (tmp_path / ".results.db.new-wal").write_bytes(b"half of a log")
    Database.open(path, create=True).close()
    assert sorted(contents(tmp_path)) == ["results.db", "results.db.lock"]


def test_a_second_probe_on_the_same_database_is_refused_until_the_first_one_ends(path: str) -> None:
    with Database.open(path, create=True) as first, Database.open(path) as second:
        with first.claim(), pytest.raises(UserError, match="is in use by another probe"), second.claim():
            pass
        with second.claim():
            second.append("almaty", [vantage()])


def test_a_claim_ends_with_the_process_even_when_it_is_killed(path: str) -> None:
    Database.open(path, create=True).close()
    code = (
        "import sys, signal\nfrom probe.store.database import Database\n"
        "with Database.open(sys.argv[1]).claim():\n print('claimed', flush=True)\n signal.pause()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"claimed\n"
    with Database.open(path) as database:
        with pytest.raises(UserError, match="is in use by another probe"), database.claim():
            pass
        holder.kill()
        holder.wait()
        holder.stdout.close()
        with database.claim():
            database.append("almaty", [vantage(), cycle("c1")])


# ---------------------------------------------------------------- PostgreSQL


def test_an_empty_postgresql_database_gets_its_tables_only_when_asked(postgres_url: str) -> None:
    with pytest.raises(UserError, match="holds no results yet"):
        Database.open(postgres_url)
    with Database.open(postgres_url, create=True) as database:
        database.append("almaty", [vantage()])
    with Database.open(postgres_url) as database, database.session() as session:
        assert session.execute(text("SELECT count(*) FROM v_answering")).scalar_one() == 0
        assert session.execute(text("SELECT vantage_id FROM vantage")).scalars().all() == ["almaty"]


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("CREATE TABLE bookmarks (url text)", "holds tables of another program"),
        (
            "CREATE TABLE nameblind_schema (version_num text); INSERT INTO nameblind_schema VALUES ('9999')",
            "newer version of this program",
        ),
    ],
)
def test_a_foreign_or_newer_postgresql_database_is_refused_and_left_as_it_was(
    statement: str, sentence: str, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for part in statement.split("; "):
            connection.execute(part.encode())
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        before = connection.execute(query).fetchall()
        with pytest.raises(UserError, match=sentence):
            Database.open(postgres_url, create=True)
        assert connection.execute(query).fetchall() == before


def test_a_postgresql_database_that_does_not_exist_is_refused(postgres_server: str) -> None:
    with pytest.raises(UserError, match="cannot be reached") as refusal:
        Database.open(postgres_server.format(name="nowhere"), create=True)
    assert "\n" not in str(refusal.value)


def test_a_second_probe_on_the_same_postgresql_database_is_refused_until_the_first_one_ends(postgres_url: str) -> None:
    with Database.open(postgres_url, create=True) as first, Database.open(postgres_url) as second:
        with first.claim(), pytest.raises(UserError, match="is in use by another probe"), second.claim():
            pass
        with second.claim():
            second.append("almaty", [vantage()])
        with first.claim():
            first.append("almaty", [cycle("c1")])
