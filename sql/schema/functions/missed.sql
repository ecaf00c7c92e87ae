-- All profiles astray. Untold are profiles in no waiting note, and not set aside. Missed are untold profiles that will
-- not be noted either: not missed is a profile that may yet be noted, or is reached by the note of a row that is about
-- no single profile, or for which the rule fails, or whose enrollments only the brake keeps.
create or replace function listener.missed()
returns table (
    profile_id {{profile_key_type}}, course_id {{course_key_type}}, should_be text, is_untold boolean, is_missed boolean
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
with unhandled as materialized (
    select
        unhandled.profile_ids,
        unhandled.route
    from listener.unhandled('enroll') as unhandled
),

noted as (
    select noted_profile.id
    from unhandled
    cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
),

sight as materialized (
    select
        not exists (select from unhandled where unhandled.route is not null)
        and not exists (select from listener.blind_note)
        and listener.is_bound() as is_clear
),

known as (
    select noted.id from noted
    union
    select pending_enrollment.profile_id from listener.pending_enrollment
)

select
    astray.profile_id,
    astray.course_id,
    astray.should_be,
    {{enrolls}} and known.id is null,
    {{enrolls}} and known.id is null and sight.is_clear and astray.should_be not in ('failed', 'kept')
from listener.astray(in_any_case => true) as astray
cross join sight
left join known on known.id = astray.profile_id
$$;
