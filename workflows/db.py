"""The database: one engine, short write transactions, one writer at a time per process on SQLite."""

from __future__ import annotations

import threading
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Dialect, Engine, Select, create_engine, event, exc, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase

#: The database is away or busy: what was to be done is neither right nor wrong, and may be tried again.
PASSING = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


class Database:
    """An engine with the two ways of using it: ``read()`` and ``write()``.

    Verbs read and run the engine outside ``write()`` and enter it only for the version check and the rows,
    because work inside SQLite's write lock makes every other writer wait (design/engine.md, point 4).
    """

    def __init__(self, url: str, *, synchronous: str = "FULL") -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"json_serializer": _dumps, "json_deserializer": orjson.loads}
        if self.is_sqlite:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
                # What a connection keeps of the file (pages, statements) is good until another one writes.
                options["pool_use_lifo"] = True
            options["connect_args"] = {"timeout": 30, "check_same_thread": False, "cached_statements": 1000}
        else:
            options |= {"pool_size": 10, "max_overflow": 20, "pool_pre_ping": True}
            if self.url.drivername in {"postgresql", "postgres"}:
                self.url = self.url.set(drivername="postgresql+psycopg")
        self.engine: Engine = create_engine(self.url, **options)
        #: The same engine, whose transactions take SQLite's write lock when they begin.
        self._writing: Engine = self.engine
        #: The same engine without transactions.
        self._glancing = self.engine.execution_options(
            **{"begins": False} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        )
        self._writer = threading.RLock()
        if self.is_sqlite:
            self._prepare_sqlite(synchronous)
            self._writing = self.engine.execution_options(immediate=True)

    def _prepare_sqlite(self, synchronous: str) -> None:
        @event.listens_for(self.engine, "connect")
        def pragmas(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves, below
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute(f"PRAGMA synchronous={'NORMAL' if synchronous == 'NORMAL' else 'FULL'}")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA busy_timeout=30000")
            cursor.execute("PRAGMA cache_size=-65536")  # KiB: what an act touches is not read from the file anew
            cursor.close()

        @event.listens_for(self.engine, "begin")
        def begin(connection: Any) -> None:
            said = connection.get_execution_options()
            if said.get("begins", True):  # past SQLAlchemy: nobody else has to know of this statement
                connection.connection.dbapi_connection.execute("BEGIN IMMEDIATE" if said.get("immediate") else "BEGIN")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading. Closing it ends the transaction and leaves what was read readable."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """A connection for one statement that reads and stands for itself: no transaction is begun or ended for it."""
        with self._glancing.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One write transaction: committed when the block ends, rolled back when it raises."""
        if not self.is_sqlite:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                session.info[_CONNECTION] = session.connection()
                yield session
            return
        with self._writer, Session(self._writing, expire_on_commit=False) as session, session.begin():
            session.info[_CONNECTION] = session.connection()
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


_CONNECTION = "the transaction's connection"


def connection_of(session: Session) -> Connection:
    """The connection of a session's transaction; one of ``write()`` is not asked for it again and again."""
    found: Connection | None = session.info.get(_CONNECTION)
    return found if found is not None else session.connection()


def upsert(into: Any, dialect: str) -> sqlite.Insert:
    """An INSERT that can say what to do about a row that is there already, for a database by its dialect's name."""
    return cast(sqlite.Insert, (postgresql if dialect == "postgresql" else sqlite).insert(into))


@dataclass(frozen=True)
class _Written:
    """A statement as one driver takes it."""

    text: str
    #: Names of the parameters in their order, and what makes of each what the driver takes; the latter may be nothing.
    parameters: Sequence[tuple[str, Callable[[Any], Any] | None]]
    by_name: bool
    #: Values of columns that no row names.
    defaults: Mapping[str, Any]

    def values(self, row: Mapping[str, Any]) -> Any:
        if self.defaults:
            row = {**self.defaults, **row}
        if self.by_name:
            return {name: row[name] if made is None else made(row[name]) for name, made in self.parameters}
        return tuple([row[name] if made is None else made(row[name]) for name, made in self.parameters])


class Prepared:
    """An INSERT, UPDATE or DELETE that every act writes: put into words once for each database and set of columns.

    What SQLAlchemy does anew for every execution costs several times what the statement itself does. Only for
    statements whose text does not depend on the values (no ``IN`` of a list), and whose answer needs no converting.
    """

    def __init__(self, statement: UpdateBase) -> None:
        self._statement = statement
        self._written: dict[tuple[str, ...], _Written] = {}

    def __call__(self, session: Session, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Execute it for a row of parameters, or for several that name the same columns; rows that it gives, and ``rowcount``."""
        connection = connection_of(session)
        first = rows if isinstance(rows, Mapping) else rows[0]
        key = (connection.dialect.name, *first)
        written = self._written.get(key)
        if written is None:
            written = self._written[key] = self._write(connection.dialect, list(first))
        given = written.values(rows) if isinstance(rows, Mapping) else [written.values(row) for row in rows]
        return _executed(connection, written.text, given)

    def _write(self, dialect: Dialect, columns: list[str]) -> _Written:
        # As for many rows: then nothing comes back that was not asked for.
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=columns, for_executemany=True)
        defaults = {}
        for column in (*compiled.insert_prefetch, *compiled.update_prefetch):
            if not column.default.is_scalar:
                raise TypeError(f"{column} has to be given")
            defaults[column.key] = column.default.arg
        return _written(compiled, columns, defaults)


class Question:
    """A SELECT that every request asks: put into words once for each database, as ``Prepared`` does.

    Of columns and of rows. A row comes as an object of its class that belongs to no session: to be read, not changed.
    """

    def __init__(self, statement: Select[Any]) -> None:
        columns: list[Any] = []
        self._parts: list[_Part] = []
        names = []
        for asked in statement.column_descriptions:
            entity, expression = asked["entity"], asked["expr"]
            names.append(asked["name"])
            if entity is not None and expression is entity:
                mapper = inspect(entity).mapper
                found = [getattr(entity, one.key) for one in mapper.column_attrs]
                key = next(n for n, one in enumerate(mapper.column_attrs) if one.columns[0].primary_key)
                self._parts.append(_Part(len(columns), mapper.class_manager, tuple(one.key for one in found), key))
                columns += found
            else:
                self._parts.append(_Part(len(columns)))
                columns.append(expression)
        self._columns = columns
        self._statement = statement.with_only_columns(*(one.label(f"c{n}") for n, one in enumerate(columns)))
        self._row: Any = namedtuple("Found", names, rename=True)  # type: ignore[misc]
        self._asked: dict[str, tuple[_Written, Sequence[tuple[int, Callable[[Any], Any]]]]] = {}

    def __call__(self, connection: Connection, given: Mapping[str, Any]) -> list[Any]:
        """All rows, with a name for each column and values of its type."""
        dialect = connection.dialect
        asked = self._asked.get(dialect.name)
        if asked is None:
            found = [one.type.dialect_impl(dialect).result_processor(dialect, None) for one in self._columns]
            asked = self._asked[dialect.name] = (
                _written(self._statement.compile(dialect=dialect), list(given), {}),
                [(n, one) for n, one in enumerate(found) if one is not None],
            )
        written, converted = asked
        return [self._found(row, converted) for row in _executed(connection, written.text, written.values(given))]

    def _found(self, row: Sequence[Any], made: Sequence[tuple[int, Callable[[Any], Any]]]) -> Any:
        values = list(row)
        for n, convert in made:
            if values[n] is not None:
                values[n] = convert(values[n])
        return self._row._make([part.of(values) for part in self._parts])


@dataclass(frozen=True)
class _Part:
    """Where one thing that is asked for lies in a row: a column, or those of a row of a class."""

    first: int
    manager: Any = None
    names: tuple[str, ...] = ()
    key: int = 0

    def of(self, values: Sequence[Any]) -> Any:
        if self.manager is None:
            return values[self.first]
        if values[self.first + self.key] is None:
            return None  # an outer join found nothing
        found = self.manager.new_instance()
        found.__dict__.update(zip(self.names, values[self.first : self.first + len(self.names)], strict=True))
        return found


def _executed(connection: Connection, text: str, given: Any) -> Any:
    """What the driver's cursor has after a statement, or after the same one for each of a list.

    Past SQLAlchemy, which makes several objects for every statement, unless somebody listens to what is executed.
    """
    if connection.engine.dispatch.before_cursor_execute:
        return connection.exec_driver_sql(text, given)
    cursor: Any = connection.connection.cursor()
    try:
        if isinstance(given, list):
            cursor.executemany(text, given)
        else:
            cursor.execute(text, given)
    except connection.dialect.loaded_dbapi.Error as error:
        # As SQLAlchemy's own: the error gets its class, and a connection that is gone leaves the pool.
        connection._handle_dbapi_exception(error, text, given, cursor, None)
    return cursor


def _written(compiled: Any, given: Sequence[str], defaults: Mapping[str, Any]) -> _Written:
    """What was compiled, as its driver takes it; ``given`` are the parameters that each execution brings."""
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    fixed = {name: bind.value for name, bind in binds.items() if name not in given and not bind.required}
    return _Written(
        compiled.string,
        [
            (name, binds[name].type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect))
            for name in (compiled.positiontup if compiled.positional else binds)
        ],
        not compiled.positional,
        {**fixed, **defaults},
    )
