-- Parts of `listener.note_due_N`: a column that is compared with the time.

-- name: due_rows
(
    {{moment}} > (note_due_{{watched}}.since + interval '{{offset}}')::{{kind}}
    and {{moment}} <= (note_due_{{watched}}.until + interval '{{offset}}')::{{kind}}
)

-- name: next_due
(
    select extract(epoch from {{moment}}::timestamptz - (note_due_{{watched}}.until + interval '{{offset}}'))::float8
    from {{watched_table}} as watched
    where
        {{moment}} > (note_due_{{watched}}.until + interval '{{offset}}')::{{kind}}
        and {{moment}} < 'infinity'
    order by {{moment}}
    limit 1
)
