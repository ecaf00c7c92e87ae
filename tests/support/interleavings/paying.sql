-- A school where a query says who should be where: all who pay, in as many seats as there are. At most one is taken back
-- within ten minutes. Course 1 has seats for all, course 2 has one.
create function proof.taken_back() returns trigger language plpgsql security definer as $$
begin
    if current_setting('listener.at_work', true) = 'on' and current_setting('listener.cause', true) <> 'release' then
        insert into proof.taken default values;
    end if;
    return null;
end;
$$;
create table proof.taken (at timestamptz not null default clock_timestamp());
create trigger proof_taken_back after delete on public.enrollments for each row execute function proof.taken_back();

create function proof.wrong_people(is_end boolean) returns text language plpgsql stable as $$
begin
    return nullif(
        concat_ws(
            '; ',
            (
                select 'taken back past the brake: ' || count(*)
                from proof.taken
                having count(*) > 1
            ),
            (
                select 'more than seats in course ' || course.id || ': ' || active.number
                from public.courses as course
                cross join lateral (
                    select count(*) as number
                    from public.enrollments as enrollment
                    where enrollment.course_id = course.id and enrollment.status = 'active'
                ) as active
                where course.seats < active.number
            ),
            -- (Who is there before a schedule begins has a number below 100.)
            (
                select 'overtaken for a seat in course ' || course.id || ': ' || string_agg(earlier.profile_id::text, ', ')
                from public.courses as course
                inner join public.payments as earlier on earlier.course_id = course.id
                where
                    course.seats is not null
                    and earlier.paid
                    and earlier.profile_id < 100
                    and not exists (
                        select from public.enrollments as enrollment
                        where enrollment.profile_id = earlier.profile_id and enrollment.course_id = course.id
                    )
                    and exists (
                        select from public.enrollments as enrollment
                        where enrollment.profile_id > 100 and enrollment.course_id = course.id
                    )
                group by course.id
            ),
            (
                select 'missing: ' || string_agg(payment.profile_id || ' in ' || payment.course_id, ', ')
                from public.payments as payment
                inner join public.courses as course on course.id = payment.course_id
                where
                    payment.paid
                    and not exists (
                        select from public.enrollments as enrollment
                        where enrollment.profile_id = payment.profile_id and enrollment.course_id = payment.course_id
                    )
                    and (
                        is_end
                        and (
                            course.seats is null
                            or course.seats > (
                                select count(*)
                                from public.enrollments as enrollment
                                where enrollment.course_id = course.id and enrollment.status = 'active'
                            )
                        )
                        or not (
                            exists (select from listener.pending_enrollment where profile_id = payment.profile_id)
                            or exists (
                                select from listener.unhandled('enroll') as unhandled
                                where payment.profile_id = any (unhandled.profile_ids)
                            )
                        )
                    )
            ),
            (
                select 'not paid, and not held: ' || string_agg(enrollment.profile_id || ' in ' || enrollment.course_id, ', ')
                from public.enrollments as enrollment
                where
                    is_end
                    and enrollment.status = 'active'
                    and not exists (
                        select from public.payments as payment
                        where
                            payment.profile_id = enrollment.profile_id
                            and payment.course_id = enrollment.course_id
                            and payment.paid
                    )
                    and not exists (
                        select from listener.made_enrollment as made
                        where
                            made.profile_id = enrollment.profile_id
                            and made.course_id = enrollment.course_id
                            and made.held_since is not null
                    )
            )
        ),
        ''
    );
end;
$$;
