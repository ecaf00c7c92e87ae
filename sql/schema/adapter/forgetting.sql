-- Forgets profiles that the LMS has not had for LISTENER_FORGET_DAYS; at the soonest when two looks in a row did not
-- find a profile. (A table that is emptied and filled again has no profile forgotten.) A profile with enrollments, left
-- for want of a foreign key, is not gone: the enrollments are still to be taken back. Reads our tables as a whole.
-- Notes are not forgotten here: handled notes are purged before long.
create or replace function listener.forget_deleted() returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on as $$
#variable_conflict use_column
declare
    forgotten bigint;
begin
    {{expect_profiles}}
    {{expect_enrollments}}
    with known as materialized (
        select history.profile_id from listener.history
        union
        select made.profile_id from listener.made_enrollment as made
        union
        select waiting.profile_id from listener.waiting
        union
        select pending_enrollment.profile_id from listener.pending_enrollment
    ),

    deleted as materialized (
        select known.profile_id
        from known
        where
            not exists (
                select from {{profile_table}} as profile
                where {{profile_key:profile}} = known.profile_id
            )
            and not exists (
                select from {{enrollment_table}} as enrollment
                where {{enrollment_profile:enrollment}} = known.profile_id
            )
    ),

    due as materialized (
        select gone.profile_id
        from listener.gone
        where
            gone.since <= clock_timestamp() - make_interval(days => {{forget_days}})
            and gone.profile_id in (select deleted.profile_id from deleted)
    ),

    noticed as (
        insert into listener.gone (profile_id)
        select deleted.profile_id
        from deleted
        where deleted.profile_id not in (select due.profile_id from due)
        on conflict (profile_id) do nothing
    ),

    there_again as (
        delete from listener.gone
        where
            gone.profile_id not in (select deleted.profile_id from deleted)
            or gone.profile_id in (select due.profile_id from due)
    ),

    of_history as (
        delete from listener.history where history.profile_id in (select due.profile_id from due)
    ),

    of_ledger as (
        delete from listener.made_enrollment as made where made.profile_id in (select due.profile_id from due)
    ),

    of_lines as (
        delete from listener.waiting where waiting.profile_id in (select due.profile_id from due)
    ),

    of_pending as (
        delete from listener.pending_enrollment
        where pending_enrollment.profile_id in (select due.profile_id from due)
    )

    select count(*)
    from due
    into forgotten;
    return forgotten;
end;
$$;
