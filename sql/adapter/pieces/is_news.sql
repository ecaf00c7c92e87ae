-- The condition of an update's trigger. It runs with the rights and the search path of whoever updates, and fails for
-- nobody: what it cannot read is news. Most updates leave the columns concerned as they were, byte for byte; to find
-- that needs no operator, which the search path could make somebody else's.
create or replace function listener.is_news_of_{{kind}}(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable as $$
begin
    if pg_catalog.record_image_eq(row({{columns:new_row}}), row({{columns:old_row}})) then
        return false;
    end if;
    return listener.is_news_of_changed_{{kind}}(old_row, new_row);
exception when others then
    return true;
end;
$$;