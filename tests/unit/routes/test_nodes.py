"""Postgres's parse trees are read as they are written, by each version."""

from listener.routes.nodes import Node, parse, parse_expressions, walk

NEWER = r"""
({QUERY :commandType 1 :querySource 0 :canSetTag true :hasAggs false :cteList <> :rtable ({RANGETBLENTRY
:alias <> :eref {ALIAS :aliasname odd\ \(name :colnames ("id" "a\ b")} :rtekind 0 :relid 16385 :relkind r
:tablesample <>}) :jointree {FROMEXPR :fromlist ({RANGETBLREF :rtindex 1}) :quals {OPEXPR :opno 96 :opfuncid
65 :args ({VAR :varno 1 :varattno 1 :vartype 23 :varnullingrels (b) :varlevelsup 0 :location -1} {CONST
:consttype 23 :constlen 4 :constbyval true :constisnull false :location -1 :constvalue 4 [ -1 1 0 0 0 0 0 0
]}) :location 20}} :targetList ({TARGETENTRY :expr {COALESCEEXPR :args ({CONST :consttype 25 :constisnull true
:constvalue <>})} :resno 1 :resname id :resjunk false}) :groupClause <> :rowMarks <>})
"""
OLDER = NEWER.replace("RANGETBLENTRY", "RTE").replace("COALESCEEXPR", "COALESCE")


def test_a_query_is_read_with_what_is_in_it() -> None:
    (query,) = parse(NEWER)
    (entry,) = query.nodes("rtable")
    assert (query.tag, query.text("commandType"), query.is_true("canSetTag"), query.has("cteList")) == (
        "QUERY", "1", True, False
    )  # fmt: skip
    assert (entry.number("relid"), entry.text("relkind")) == (16385, "r")
    assert entry.the("eref").fields == {"aliasname": "odd (name", "colnames": ["id", "a b"]}
    column, constant = query.the("jointree").the("quals").nodes("args")
    assert (column.number("varattno"), column.fields["varnullingrels"]) == (1, [])
    assert constant.data("constvalue") == bytes([255, 1, 0, 0, 0, 0, 0, 0])


def test_names_of_older_versions_are_those_of_newer_ones() -> None:
    assert [each.tag for each in walk(parse(OLDER))] == [each.tag for each in walk(parse(NEWER))]  # type: ignore[arg-type]


def test_what_is_not_there_is_empty() -> None:
    node = Node("ANY", {"name": None})
    assert (node.node("name"), node.nodes("name"), node.number("name"), node.text("name")) == (None, [], 0, "")
    assert (node.data("name"), node.is_true("name"), node.has("name")) == (b"", False, False)


def test_a_copy_with_other_fields_leaves_the_node_as_it_was() -> None:
    node = Node("VAR", {"varlevelsup": "0"})
    assert (node.but(varlevelsup="1").number("varlevelsup"), node.number("varlevelsup")) == (1, 0)


def test_a_walk_may_stop_at_queries() -> None:
    inner = Node("QUERY", {"targetList": [Node("VAR", {})]})
    outer = Node("SUBLINK", {"subselect": inner})
    assert [each.tag for each in walk(outer)] == ["SUBLINK", "QUERY", "VAR"]
    assert [each.tag for each in walk(outer, into_queries=False)] == ["SUBLINK", "QUERY"]


def test_the_expressions_of_an_index_are_a_list_or_one() -> None:
    text = "{FUNCEXPR :funcid 870 :args ({VAR :varno 1 :varattno 2})}"
    assert [each.number("funcid") for each in parse_expressions(f"({text} {text})")] == [870, 870]
    assert [each.number("funcid") for each in parse_expressions(text)] == [870]
