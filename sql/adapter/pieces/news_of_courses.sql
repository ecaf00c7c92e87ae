-- Whether an update makes a course available, or moves its count. It runs with the rights and the search path of
-- whoever updates, and fails for nobody: what it cannot read is news. Most updates leave the columns concerned as they
-- were, byte for byte; to find that needs no operator, which the search path could make somebody else's.
create or replace function listener.is_news_of_course(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable as $$
begin
    if pg_catalog.record_image_eq(row({{course_columns:new_row}}), row({{course_columns:old_row}})) then
        return false;
    end if;
    return listener.is_news_of_changed_course(old_row, new_row);
exception when others then
    return true;
end;
$$;

create or replace function listener.is_news_of_changed_course(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return (({{is_default_course:new_row}}) is true and ({{is_default_course:old_row}}) is not true)
        or {{course_key:new_row}} is distinct from {{course_key:old_row}};
end;
$$;
