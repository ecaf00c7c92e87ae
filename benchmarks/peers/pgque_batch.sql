-- PgQue's docs (examples, exactly-once processing): one statement receives a batch, does its work and acknowledges it.
-- What it does is that of enroll.sql, for the whole batch. Returns no row if there is no batch, or nothing in it.
with batch as materialized (
    select batch_id, payload::uuid as student from pgque.receive('sign_ups', 'enroll', 2147483647)
),
enrolled as (
    insert into enrollments (user_id, course_id)
    select student, '00000000-0000-0000-0000-000000000001' from batch
    on conflict do nothing
    returning id
),
made as (select count(*) as enrollments from enrolled),
counted as (
    update courses
    set enrollments = courses.enrollments + made.enrollments, students = courses.students + made.enrollments
    from made
    where courses.id = '00000000-0000-0000-0000-000000000001' and made.enrollments > 0
)
select pgque.ack(batch_id) from batch limit 1;
