-- A school with the rule that was found: each student is to have an enrollment, and lands in course 1. Of course 2 the LMS
-- itself enrolls people.
insert into public.courses (id, title, price) overriding system value values (1, 'free', 0), (2, 'dear', 9);

create function proof.wrong_people(is_end boolean) returns text language plpgsql stable as $$
begin
    return nullif(
        concat_ws(
            '; ',
            (
                select 'missing: ' || string_agg(profile.id::text, ', ')
                from public.profiles as profile
                where
                    profile.role = 'student'
                    and not exists (select from public.enrollments as enrollment where enrollment.user_id = profile.id)
                    and (
                        is_end
                        or not (
                            exists (select from listener.pending_enrollment where profile_id = profile.id)
                            or exists (
                                select from listener.unhandled('enroll') as unhandled
                                where profile.id = any (unhandled.profile_ids)
                            )
                        )
                    )
            ),
            (
                select 'twice: ' || string_agg(twice.user_id::text, ', ')
                from (
                    select enrollment.user_id
                    from public.enrollments as enrollment
                    group by enrollment.user_id, enrollment.course_id
                    having count(*) > 1
                ) as twice
            )
        ),
        ''
    );
end;
$$;
