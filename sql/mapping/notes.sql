-- Parts of the triggers' functions: changes that are worth a note, and the notes.

-- name: cause_of_note
-- The cause that the LMS's triggers are told: a sign-up, another change, or the word that was noted.
case
    --: if only_on_joining
    when note.source = 'profiles' and note.operation in ('insert', 'update') then 'sign_up'
    --: else
    when note.source = 'profiles' and note.operation = 'insert' then 'sign_up'
    --: end
    when note.operation in ('insert', 'update', 'delete', 'truncate') then 'change'
    else note.operation
end

-- name: able
-- What somebody dropped, renamed, or took from its owner is an error here, where errors are caught.
if not has_table_privilege('listener.change'::regclass::oid, 'insert') then
    raise insufficient_privilege;
end if;

-- name: blindly
begin
    perform listener.note_blindly({{noted_source}}, lower(tg_op), {{noted_state}});
exception when assert_failure or others then
    null;  -- what is ours is gone: the LMS's statement goes on, and the daemon says so
end;

-- name: note_keys
if cardinality({{keys}}) > 0 then
    insert into listener.change (source, operation, route, keys)
    select {{watched_source}}, lower(tg_op), {{route_name}}, {{keys}}[first : first + 99]
    from generate_series(1, cardinality({{keys}}), 100) as first;
    {{ring}}
end if;

-- name: note_profiles
if cardinality(profiles) > 0 then
    -- At most 100 to a note: a batch can be cut between notes, and a note stays within a page.
    if cardinality(profiles) <= 100 then
        insert into listener.change (source, operation, profile_ids)
        values ({{watched_source}}, lower(tg_op), profiles);
    else
        insert into listener.change (source, operation, profile_ids)
        select {{watched_source}}, lower(tg_op), profiles[first : first + 99]
        from generate_series(1, cardinality(profiles), 100) as first;
    end if;
    {{ring}}
end if;

-- name: note_unread
-- The rule fails for a row: the handling of the note asks the rule again. After a rename, no column can be relied on.
begin
    if sqlstate ~ '^(42|3F)' then
        raise;
    end if;
    profiles := array(
        {{keys_alone}}
    );
exception when assert_failure or others then
    {{blindly}}
end;

-- name: note_unreadable
{{blindly_profiles}}
return null;

-- name: route
if route = {{route_name}} then
    return query
    with as_bound as materialized (
        select
            {{route_as_bound}} as holds
    )
    select distinct led.id::{{profile_key_type}}
    {{steps}}
    cross join lateral (
        {{key}}
    ) as led(id)
    where
        {{first}}
        and led.id is not null
        and (select as_bound.holds from as_bound);
end if;

-- name: keys_of_rows
keys_{{place}} := array(
    {{keys}}
);

-- name: keys_of_due_rows
array(
    {{keys}}
),

-- name: keys_of_written
select distinct noted.key
from written
cross join lateral {{found}} as noted(key)
where {{is_whole}}

-- name: keys_of_row
select distinct noted.key
from {{found}} as noted(key)
where {{is_whole}}

-- name: profiles_of_row
profiles := array(
    select distinct noted.id
    from {{found}} as noted(id)
    where noted.id is not null
);

-- name: profile_of_row
if
    ({{condition:new}}) is true
    and (tg_op = 'INSERT' or ({{condition:old}}) is not true{{or_other}})
then
    profiles := array[{{key:new}}];
end if;

-- name: profiles_of_written
{{select}} noted.id
from written
cross join lateral {{found}} as noted(id)
where noted.id is not null

-- name: profile_of_written
{{select}} {{key:written}}::{{profile_key_type}}
from written
where {{key:written}} is not null
