-- Rows that stand in the way of a key: enrollments that refer to nothing, and doubled enrollments. Found in one pass,
-- however many, and moved to listener.quarantine some at a time: the rows at the places $1 of the table $2, if still in
-- the way. (`quarantine_all` is for a migration of the LMS's, and moves all rows that `rows` finds.)

-- name: orphans
-- Enrollments without a profile, or without a course.
select
    enrollment.tableoid as table_oid,
    enrollment.ctid::text as place
from {{enrollment_table}} as enrollment
where
    {{reference:enrollment}} is not null
    and not exists (
        select
        from {{referred_table}} as referred
        where {{referred_key:referred}} = {{reference:enrollment}}
    )
order by enrollment.tableoid, enrollment.ctid;

-- name: duplicates
-- Of enrollments of a profile in the same course, one stays: an active enrollment first, then the oldest if known.
select
    ranked.table_oid,
    ranked.row_id::text as place
from (
    select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id,
        row_number() over (
            partition by {{enrollment_profile:enrollment}}, {{enrollment_course:enrollment}}
            order by ({{is_active:enrollment}}) is true desc, {{enrollment_date:enrollment}} nulls last, enrollment.ctid
        ) as place
    from {{enrollment_table}} as enrollment
    where
        {{enrollment_profile:enrollment}} is not null
        and {{enrollment_course:enrollment}} is not null
) as ranked
where ranked.place > 1
order by ranked.table_oid, ranked.row_id;

-- name: quarantine_orphans
with removed as (
    delete from {{enrollment_table}} as enrollment
    where
        enrollment.tableoid = $2
        and enrollment.ctid = any (($1::text[])::tid[])
        and {{reference:enrollment}} is not null
        and not exists (
            select
            from {{referred_table}} as referred
            where {{referred_key:referred}} = {{reference:enrollment}}
        )
    returning to_jsonb(enrollment) as content
),

kept as (
    insert into listener.quarantine (source, reason, content)
    select 'enrollments', '{{reason}}', removed.content
    from removed
    returning id
)

select count(*) from kept
where {{by_lms_path}};

-- name: quarantine_duplicates
-- Looks at all enrollments of the same profiles, and at no others.
with ranked as materialized (
    select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id,
        row_number() over (
            partition by {{enrollment_profile:enrollment}}, {{enrollment_course:enrollment}}
            order by ({{is_active:enrollment}}) is true desc, {{enrollment_date:enrollment}} nulls last, enrollment.ctid
        ) as place
    from {{enrollment_table}} as enrollment
    where
        {{enrollment_profile:enrollment}} in (
            select {{enrollment_profile:chosen}}
            from {{enrollment_table}} as chosen
            where chosen.tableoid = $2 and chosen.ctid = any (($1::text[])::tid[])
        )
        and {{enrollment_profile:enrollment}} is not null
        and {{enrollment_course:enrollment}} is not null
),

removed as (
    delete from {{enrollment_table}} as enrollment
    where
        enrollment.tableoid = $2
        and enrollment.ctid = any (
            array(select ranked.row_id from ranked where ranked.table_oid = $2 and ranked.place > 1)
        )
    returning to_jsonb(enrollment) as content
),

kept as (
    insert into listener.quarantine (source, reason, content)
    select 'enrollments', '{{reason}}', removed.content
    from removed
    returning id
)

select count(*) from kept
where {{by_lms_path}};

-- name: quarantine_all
-- Moves enrollments that stand in a key's way to listener.quarantine.
with astray as materialized (
    {{rows}}
),

removed as (
    delete from {{enrollment_table}} as enrollment
    where exists (
        select from astray
        where astray.table_oid = enrollment.tableoid and astray.place = enrollment.ctid::text
    )
    returning to_jsonb(enrollment) as content
),

kept as (
    insert into listener.quarantine (source, reason, content)
    select 'enrollments', '{{reason}}', removed.content
    from removed
    returning id
)

select count(*) from kept;
