-- Whom the query names, those of them who are not where they should be, and those of these who were missed: they are in no
-- unhandled note, and not pending either. In one snapshot, with the tables read as a whole.
create or replace function listener.student_figures(
    out students bigint, out without_enrollment bigint, out missed bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_nestloop = off
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on as $$
#variable_conflict use_column
begin
    with astray as materialized (
        select astray.profile_id, bool_or(astray.should_be in ('enrolled', 'returned')) as is_missing
        from listener.astray() as astray
        group by astray.profile_id
    ),
    unhandled as materialized (
        select unhandled.profile_ids, unhandled.route
        from listener.unhandled('enroll') as unhandled
    ),
    noted as (
        select noted_profile.id
        from unhandled
        cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
    )
    select
        (select count(*) from listener.students()),
        (select count(*) from astray where astray.is_missing),
        (
            select count(*)
            from astray
            where
                -- A note of a row that is about no single profile may be about this one.
                not exists (select from unhandled where unhandled.route is not null)
                and not exists (select from noted where noted.id = astray.profile_id)
                and not exists (
                    select from listener.pending_enrollment
                    where pending_enrollment.profile_id = astray.profile_id
                )
        )
    into students, without_enrollment, missed;
end;
$$;
