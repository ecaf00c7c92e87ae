-- Whether the leader's lock comes and goes. A daemon behind a transaction pooler holds it for some milliseconds at a
-- time, in sessions that are the pooler's and bear any name: looked at often enough, it is seen to be held, and to be
-- free. The answer is left in `listener.comes_and_goes`, for as long as the transaction lasts.
do $look$
declare
    give_up_at constant timestamptz := clock_timestamp() + interval '{{seconds}} seconds';
    is_held boolean;
    was_held boolean := false;
    was_free boolean := false;
begin
    while clock_timestamp() < give_up_at and not (was_held and was_free) loop
        select exists (
            select
            from pg_catalog.pg_locks
            where
                pg_locks.locktype = 'advisory'
                and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
                and pg_locks.classid = '{{class}}'::oid
                and pg_locks.objid = '{{lock}}'::oid
                and pg_locks.objsubid = 2
                and pg_locks.granted
        ) into is_held;
        was_held := was_held or is_held;
        was_free := was_free or not is_held;
        perform pg_catalog.pg_sleep(0.001);
    end loop;
    perform pg_catalog.set_config('listener.comes_and_goes', (was_held and was_free)::text, true);
end
$look$
