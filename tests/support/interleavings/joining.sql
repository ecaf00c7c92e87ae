-- A school where a query says who should be where: all who pay. At most one joins within ten minutes.
create function proof.joined() returns trigger language plpgsql security definer as $$
begin
    if current_setting('listener.at_work', true) = 'on' then
        insert into proof.joined default values;
    end if;
    return null;
end;
$$;
create table proof.joined (at timestamptz not null default clock_timestamp());
create trigger proof_joined after insert on public.enrollments for each row execute function proof.joined();

create function proof.wrong_people(is_end boolean) returns text language plpgsql stable as $$
begin
    return nullif(
        concat_ws(
            '; ',
            (
                select 'joined past the brake: ' || count(*)
                from proof.joined
                having count(*) > 1
            ),
            (
                select 'nobody joined, though one may'
                where
                    is_end
                    and not exists (select from proof.joined)
                    and (select count(*) from public.payments where payments.paid) = 1
            ),
            (
                select 'missing: ' || string_agg(payment.profile_id || ' in ' || payment.course_id, ', ')
                from public.payments as payment
                where
                    payment.paid
                    and not exists (
                        select from public.enrollments as enrollment
                        where enrollment.profile_id = payment.profile_id and enrollment.course_id = payment.course_id
                    )
                    and not exists (
                        select from listener.pending_enrollment as held
                        where
                            held.profile_id = payment.profile_id
                            and held.course_id = payment.course_id
                            and held.reason = 'held'
                    )
                    and (
                        is_end
                        or not exists (
                            select from listener.unhandled('enroll') as unhandled
                            where payment.profile_id = any (unhandled.profile_ids)
                        )
                    )
            ),
            (
                select 'held, and not to join: ' || string_agg(held.profile_id::text, ', ')
                from listener.pending_enrollment as held
                where
                    is_end
                    and not exists (
                        select from public.payments as payment
                        where
                            payment.profile_id = held.profile_id
                            and payment.course_id = held.course_id
                            and payment.paid
                    )
            )
        ),
        ''
    );
end;
$$;
