{{is_news_of_course}}

-- Whether an update makes a course available, or moves its count, by the columns that were changed.
create or replace function listener.is_news_of_changed_course(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return (({{is_default_course:new_row}}) is true and ({{is_default_course:old_row}}) is not true)
        or ({{course_seats:new_row}}) is distinct from ({{course_seats:old_row}})
        or {{course_key:new_row}} is distinct from {{course_key:old_row}};
end;
$$;
