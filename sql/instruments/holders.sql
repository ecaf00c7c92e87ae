-- The sessions that hold the rows of courses that profiles ($1, keys) want.
select coalesce(json_agg(found), '[]') as holders
from (
    select
        holder.course_id,
        holder.pid,
        session.usename::text as role,
        left(session.query, 200) as query
    from listener.course_holders($1::text[]) as holder
    inner join pg_catalog.pg_stat_activity as session on session.pid = holder.pid
    order by session.xact_start, holder.pid
    limit 20
) as found
