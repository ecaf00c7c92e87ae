"""A script is taken apart where psql would."""

from pathlib import Path

import pytest

from listener.errors import NoSchema
from listener.trial import sources
from listener.trial.statements import statements, without_comments

SCRIPT = """\\restrict abc
-- a comment; with a semicolon
create table "a;b" (x text default 'it''s; \\');
/* one /* inside; */ the other; */ create function f() returns text language sql as $body$ select ';' || $$;$$ $body$;
create function g(a int) returns int begin atomic; select case when a > 1 then 1 else 2 end; select 3; end;
copy public.t (a, "B;") from stdin;
1\t;
2\t\\N
\\.
\\! touch /tmp/nothing
select E'\\'; ', $1, "b""c;"
"""


def test_quotes_comments_bodies_and_rows_hold_no_end() -> None:
    found = list(statements(SCRIPT, "dump.sql"))
    assert [(each.line, each.text.partition(" ")[0]) for each in found] == [
        (3, "create"),
        (4, "create"),
        (5, "create"),
        (6, "copy"),
        (11, "select"),
    ]
    assert found[0].text == "create table \"a;b\" (x text default 'it''s; \\')"
    assert found[1].text.endswith("$body$ select ';' || $$;$$ $body$")
    assert found[2].text.endswith("select 3; end")
    assert found[3].rows == "1\t;\n2\t\\N\n"
    assert found[4].where == 'dump.sql, line 11: select E\'\\\'; \', $1, "b""c;"'


def test_comments_are_taken_out_and_texts_are_not() -> None:
    assert without_comments("select '--', /* a /* b */ */ 1 -- c\n+ 2") == "select '--',   1  \n+ 2"


def test_migrations_go_forward_by_number(tmp_path: Path) -> None:
    for name in ("10_c.sql", "9_b.sql", "9_b.down.sql", "2026/migration.sql", "undo/1.sql", "readme.md", "1_a.up.sql"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"select '{name}';\n-- migrate:down\ndrop table a;\n-- migrate:up\nselect 2;")
    found = sources.read(str(tmp_path))
    assert [each.text for each in found if each.line == 1] == [
        f"select '{name}'" for name in ("1_a.up.sql", "9_b.sql", "10_c.sql", "2026/migration.sql")
    ]
    assert {(each.line, each.text) for each in found if each.line > 1} == {(5, "select 2")}


def test_what_is_no_script_is_said(tmp_path: Path) -> None:
    file = tmp_path / "dump"
    for data, said in ((b"PGDMP\x01", r"pg_restore -f - FILE"), (b"-- nothing", "holds no SQL")):
        file.write_bytes(data)
        with pytest.raises(NoSchema, match=said):
            sources.read(str(file))
    with pytest.raises(NoSchema, match="No such file"):
        sources.read(str(tmp_path / "nothing"))
