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
    select distinct noted_profile.id
    from unhandled
    cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
),

sight as materialized (
    select
        not exists (select from unhandled where unhandled.route is not null)
        and not exists (select from listener.blind_note)
        and listener.is_bound() as is_clear
)

select
    astray.profile_id,
    astray.course_id,
    astray.should_be,
    known.is_untold,
    known.is_untold and sight.is_clear and astray.should_be not in ('failed', 'kept')
from listener.astray(in_any_case => true) as astray
cross join sight
left join noted on noted.id = astray.profile_id
-- At most one row of each.
left join listener.pending_enrollment as there
    on there.profile_id = astray.profile_id and there.course_id is not distinct from astray.course_id
left join listener.pending_enrollment as anywhere
    on anywhere.profile_id = astray.profile_id
    and anywhere.course_id is null
    --: if by_school
    and anywhere.reason <> 'no_course'
    --: end
cross join lateral (
    --: if enrolls
    select noted.id is null and there.id is null and anywhere.id is null as is_untold
    --: else
    select false as is_untold
    --: end
) as known
$$;
