-- Called by the triggers when a profile or a course gets another key: nothing of ours refers to the LMS's tables.
{{follow_profile}}

{{follow_course}}

-- Around an UPDATE of profiles that are partitioned: one that moves to another partition is deleted there, and inserted here.
create or replace function listener.note_moving() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform set_config('listener.moving', case when tg_when = 'BEFORE' then 'on' else '' end, true);
    perform set_config('listener.moved_from', '', true);
    return null;
end;
$$;
