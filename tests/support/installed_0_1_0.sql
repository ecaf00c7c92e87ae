-- What `listener install --print` of version 0.1.0 printed for the schema of lms.py: installed by nobody but the tests of
-- the upgrade.
-- All that `listener install` runs: the whole of it, or nothing. It adds schema listener, triggers named listener_* on
-- the LMS's tables and two things to query beside them, and writes to no row of the LMS's. The text is for the
-- database as it was when it was printed: print it anew to run it again. `listener uninstall` takes all of it away.
begin;

-- Whoever signs up waits behind us no longer than this for a table's lock. If this fails, run it again.
set local lock_timeout = '200ms';

-- Nobody's function or operator in another schema may stand in for one of Postgres's own.
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = warning;

-- The tables. Later versions add migrations of their own; a migration that has landed is never edited.

create schema listener;

create table listener.installation (
    only_row boolean primary key default true check (only_row),
    version integer not null,
    fingerprint text not null,
    mapping jsonb not null,
    installed_at timestamptz not null default now()
);

-- The change feed: append-only notes, taken by triggers in the writer's own transaction.
create table listener.change (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    source text not null,
    operation text not null,
    profile_ids uuid[],
    course_id uuid,
    delta bigint,
    primary key (xid, id)
);

-- What each consumer has handled: a snapshot, and how far it got in a transaction that a batch cut in two.
create table listener.checkpoint (
    consumer text not null,
    seq bigint not null,
    handled pg_snapshot not null,
    partial_xid xid8,
    partial_id bigint,
    changes bigint not null default 0,
    at timestamptz not null default clock_timestamp(),
    primary key (consumer, seq)
);

-- Students that could not be enrolled yet, and why.
create table listener.pending_enrollment (
    profile_id uuid primary key,
    reason text not null,
    error text,
    attempts integer not null default 1,
    since timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null
);

create index pending_enrollment_due on listener.pending_enrollment (next_attempt_at, profile_id);

-- Deltas whose course row was locked, is missing, or refused the move.
create table listener.pending_count (
    course_id uuid primary key,
    delta bigint not null,
    error text,
    attempts integer not null default 1,
    since timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null
);

insert into listener.checkpoint (consumer, seq, handled)
values
    ('enroll', 0, pg_current_snapshot()),
    ('count', 0, pg_current_snapshot());

-- Counts of courses that have no column for them.
create table listener.course_count (
    course_id uuid primary key,
    active_enrollments bigint not null
);

-- Rows that stood in the way of a repair, as they were.
create table listener.quarantine (
    id bigint primary key generated always as identity,
    at timestamptz not null default clock_timestamp(),
    source text not null,
    reason text not null,
    content jsonb not null
);

-- Whose transaction ids the feed's checkpoints are about: a copy of this database in another cluster has others.
create table listener.cluster (
    only_row boolean primary key default true check (only_row),
    system_identifier bigint not null,
    since timestamptz not null default clock_timestamp()
);

do $$
begin
    insert into listener.cluster (system_identifier)
    select pg_control_system.system_identifier
    from pg_catalog.pg_control_system();
exception when insufficient_privilege then
    null;  -- then a copy is known only by checkpoints that lie in its future
end;
$$;

-- Makes room for the code that follows: views and triggers are made anew, functions are replaced in place.
do $$
declare
    old_trigger record;
begin
    for old_trigger in
        select
            pg_trigger.tgname as name,
            pg_trigger.tgrelid::regclass as on_table
        from pg_catalog.pg_trigger
        inner join pg_catalog.pg_proc on pg_proc.oid = pg_trigger.tgfoid
        where
            pg_proc.pronamespace = 'listener'::regnamespace
            and not pg_trigger.tgisinternal
            and pg_trigger.tgparentid = 0
    loop
        execute format('drop trigger %I on %s', old_trigger.name, old_trigger.on_table);
    end loop;
end;
$$;

drop view if exists listener.course_drift;
drop view if exists listener.course_live_count;
drop view if exists listener.count_on_its_way;
drop view if exists listener.default_course;
drop view if exists listener.course;
drop view if exists listener.enrollment;
drop view if exists listener.student;

-- What was put into the LMS's own schema is known by its comment.
do $$
declare
    ours text;
begin
    for ours in
        select format('view %s', class.oid::regclass)
        from pg_catalog.pg_class as class
        where
            class.relkind = 'v'
            and class.relname = 'profile_enrollment_sync_status'
            and obj_description(class.oid, 'pg_class') = 'made by listener install'
        union all
        select format('function %s', proc.oid::regprocedure)
        from pg_catalog.pg_proc as proc
        where
            proc.proname = 'get_enrollment_statistics'
            and obj_description(proc.oid, 'pg_proc') = 'made by listener install'
    loop
        execute 'drop ' || ours;
    end loop;
end;
$$;

-- Sessions take numbers twenty at a time: the sequence's page is not to be where all writers meet. (Their order matters
-- within a transaction only, which is one session's.)
alter table listener.change alter column id set cache 20;

-- The algebra of checkpoints. A checkpoint's `handled` reads like any snapshot: a transaction is handled
-- if and only if it is visible in it. (A transaction cut in two by a batch is not, until it is finished.)

-- Everything visible in `seen` below `last_xid` is handled, and `last_xid` itself if the batch held the whole of it.
create or replace function listener.snapshot_through(
    handled pg_snapshot, seen pg_snapshot, last_xid xid8, whole boolean
)
returns pg_snapshot
language sql immutable parallel safe
as $$
    with upper_bound as (
        select greatest(
            pg_catalog.pg_snapshot_xmax(handled),
            case when whole then (last_xid::text::bigint + 1)::text::xid8 else last_xid end
        ) as xid
    ),
    still_open as (
        select old_straggler.xid
        from pg_catalog.pg_snapshot_xip(handled) as old_straggler(xid)
        where old_straggler.xid > last_xid or (old_straggler.xid = last_xid and not whole)
        union
        select in_flight.xid
        from pg_catalog.pg_snapshot_xip(seen) as in_flight(xid)
        where in_flight.xid < last_xid
    )
    select pg_catalog.format(
        '%s:%s:%s',
        coalesce((select still_open.xid from still_open order by still_open.xid limit 1), upper_bound.xid),
        upper_bound.xid,
        (select pg_catalog.string_agg(still_open.xid::text, ',' order by still_open.xid) from still_open)
    )::pg_snapshot
    from upper_bound
$$;

-- `finished`, and it alone, is handled too. It is a straggler of `handled`, or the first transaction beyond it.
create or replace function listener.snapshot_with(handled pg_snapshot, finished xid8)
returns pg_snapshot
language sql immutable parallel safe
as $$
    with upper_bound as (
        select greatest(
            pg_catalog.pg_snapshot_xmax(handled), (finished::text::bigint + 1)::text::xid8
        ) as xid
    ),
    still_open as (
        select straggler.xid
        from pg_catalog.pg_snapshot_xip(handled) as straggler(xid)
        where straggler.xid <> finished
    )
    select pg_catalog.format(
        '%s:%s:%s',
        coalesce((select still_open.xid from still_open order by still_open.xid limit 1), upper_bound.xid),
        upper_bound.xid,
        (select pg_catalog.string_agg(still_open.xid::text, ',' order by still_open.xid) from still_open)
    )::pg_snapshot
    from upper_bound
$$;

-- The notes that a consumer has not handled. With `at_most`, the first so many of each branch, so that a
-- batch never sorts the whole backlog.
create or replace function listener.unhandled(consumer_name text, at_most bigint default null)
returns setof listener.change
language sql stable
as $$
    select note.*
    from (
        select checkpoint.handled, checkpoint.partial_xid, checkpoint.partial_id
        from listener.checkpoint
        where checkpoint.consumer = consumer_name
        order by checkpoint.seq desc
        limit 1
    ) as last_checkpoint
    cross join lateral (
        (
            -- the rest of a transaction that the last batch cut in two
            select change.*
            from listener.change
            where change.xid = last_checkpoint.partial_xid and change.id > last_checkpoint.partial_id
            order by change.xid, change.id
            limit at_most
        )
        union all
        (
            -- stragglers: in flight when the checkpoint was taken. Looked up one by one: as a join it would be planned
            -- as a walk through the whole feed.
            select straggler_note.*
            from pg_catalog.pg_snapshot_xip(last_checkpoint.handled) as straggler(xid)
            cross join lateral (
                select change.*
                from listener.change
                where change.xid = straggler.xid
                order by change.xid, change.id
                limit at_most
            ) as straggler_note
            where straggler.xid is distinct from last_checkpoint.partial_xid
            order by straggler_note.xid, straggler_note.id
            limit at_most
        )
        union all
        (
            -- whatever began after the checkpoint was taken. (A transaction that was cut is a straggler, or the first
            -- of these: a range that begins behind it does not walk its notes again and again.)
            select change.*
            from listener.change
            where
                change.xid >= pg_catalog.pg_snapshot_xmax(last_checkpoint.handled)
                and change.xid > coalesce(last_checkpoint.partial_xid, '0'::xid8)
            order by change.xid, change.id
            limit at_most
        )
    ) as note
$$;

-- The adapter: the LMS's own tables under fixed names. Nothing else in this schema, nor in the daemon,
-- knows what the LMS calls its tables and columns. Who is a student, and where students land, can be
-- queries written by hand, where no rule would do.

-- Who is a student now.
create view listener.student (id) as
select profile."id" as id
from "public"."profiles" as profile
where ((profile.role = 'student'::text)) is true;

-- Every enrollment, of any status.
create view listener.enrollment as
select
    enrollment."user_id" as profile_id,
    enrollment."course_id" as course_id,
    enrollment."status" as status
from "public"."enrollments" as enrollment;

alter view listener.enrollment alter column status set default 'active';

create view listener.course as
select
    course."id" as id,
    course."price" as price,
    ((course.status = 'published'::text)) is true as available,
    coalesce(course."enrollments", 0) as active_enrollments
from "public"."courses" as course;

-- Where a new student lands: one row, or none while there is no course to be had.
create view listener.default_course (id) as
select course."id" as id
from "public"."courses" as course
where ((course.status = 'published'::text)) is true
order by course."price" nulls last, course."created_at" nulls last, course."id"
limit 1;

-- What the feed and the parked deltas hold for each course, and its row does not show yet.
create view listener.count_on_its_way as
with delta_on_its_way as (
    select
        unhandled.course_id,
        unhandled.delta
    from listener.unhandled('count') as unhandled
    where unhandled.delta is not null
    union all
    select
        pending_count.course_id,
        pending_count.delta
    from listener.pending_count
)

select
    delta_on_its_way.course_id,
    sum(delta_on_its_way.delta) as delta
from delta_on_its_way
group by delta_on_its_way.course_id;

-- Every course's count as of this instant: what its row says, and what is still on its way.
create view listener.course_live_count as
select
    course.id,
    (coalesce(course.active_enrollments, 0) + coalesce(count_on_its_way.delta, 0))::bigint as active_enrollments
from listener.course
left join listener.count_on_its_way on course.id = count_on_its_way.course_id;

-- The equation that holds in every snapshot: what a course's row says, and what the feed and the parked deltas still
-- hold for it, add up to its active enrollments. What is missing is drift, and stays the same in every later
-- snapshot, however busy the system, until somebody repairs it.
create view listener.course_drift as
with active_per_course as (
    select
        enrollment."course_id" as course_id,
        count(*) as active
    from "public"."enrollments" as enrollment
    where ((enrollment.status = 'active'::text)) is true
    group by enrollment."course_id"
),

expected_count as (
    select
        course.id,
        course.active_enrollments,
        coalesce(active_per_course.active, 0) - coalesce(count_on_its_way.delta, 0) as expected
    from listener.course
    left join active_per_course on course.id = active_per_course.course_id
    left join listener.count_on_its_way on course.id = count_on_its_way.course_id
)

select
    expected_count.id,
    count_column.name as count_column,
    count_column.value::bigint as current,
    expected_count.expected::bigint as expected,
    (expected_count.expected - coalesce(count_column.value, 0))::bigint as drift
from expected_count
inner join "public"."courses" as course on course."id" = expected_count.id
cross join lateral (
    values
        ('enrollments', course."enrollments"::bigint),
        ('students', course."students"::bigint)
) as count_column (name, value)
where coalesce(count_column.value, 0) <> expected_count.expected;

-- Triggers only take notes. They run with their owner's rights, so that whoever signs up needs none here. In their
-- search_path pg_temp is named, and last: left out it would come first, and a temporary type of somebody's own, named
-- uuid or text, would have its checks run with the owner's rights.

create or replace function listener.note_inserted_students() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    students uuid[] := array(
        select inserted."id" from inserted where ((inserted.role = 'student'::text)) is true
    );
begin
    if cardinality(students) = 0 then
        return null;
    end if;
    -- At most 100 to a note: a batch can be cut between notes, and a note stays within its page.
    if cardinality(students) <= 100 then
        insert into listener.change (source, operation, profile_ids)
        values ('profiles', 'insert', students);
    else
        insert into listener.change (source, operation, profile_ids)
        select 'profiles', 'insert', students[first : first + 99]
        from generate_series(1, cardinality(students), 100) as first;
    end if;
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

-- One row: an update, or an insert into a table that is partitioned (see the triggers).
create or replace function listener.note_student() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, profile_ids)
    values ('profiles', lower(tg_op), array[new."id"]);
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

create or replace function listener.note_inserted_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'insert', inserted."course_id", count(*)
    from inserted
    where ((inserted.status = 'active'::text)) is true and inserted."course_id" is not null
    group by inserted."course_id";
    if not found then
        return null;
    end if;
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

create or replace function listener.note_deleted_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'delete', deleted."course_id", -count(*)
    from deleted
    where ((deleted.status = 'active'::text)) is true and deleted."course_id" is not null
    group by deleted."course_id";
    if not found then
        return null;
    end if;
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

-- One row, whatever happened to it: what is not there, before or after, is null.
create or replace function listener.note_enrollment() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', lower(tg_op), side.course_id, side.delta
    from (
        values
            (old."course_id", -1, ((old.status = 'active'::text)) is true),
            (new."course_id", 1, ((new.status = 'active'::text)) is true)
    ) as side (course_id, delta, active)
    where side.active and side.course_id is not null;
    if not found then
        return null;
    end if;
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

-- Before the rows are gone; TRUNCATE holds its exclusive lock by now, so nobody else changes them.
create or replace function listener.note_truncated_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'truncate', enrollment."course_id", -count(*)
    from "public"."enrollments" as enrollment
    where ((enrollment.status = 'active'::text)) is true and enrollment."course_id" is not null
    group by enrollment."course_id";
    if not found then
        return null;
    end if;
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

-- Enrolls those who have no enrollment yet, and returns them. With its owner's rights: the daemon's role needs none on
-- the LMS's tables, and the LMS's own triggers on enrollments run as if the owner had enrolled.
create or replace function listener.enroll(student_ids uuid[], default_course_id uuid)
returns setof uuid
language plpgsql security definer set search_path = "public", "extensions", pg_temp as $$
begin
    -- Two who enroll the same student at the same moment are rare. So nobody pays for "on conflict", which looks twice
    -- and writes twice for each row, until it has happened.
    begin
        return query
        with enrolled as (
            insert into listener.enrollment (profile_id, course_id)
            select student.id, enroll.default_course_id
            from pg_catalog.unnest(enroll.student_ids) as student(id)
            where (select true from listener.enrollment where enrollment.profile_id = student.id limit 1) is null
            returning profile_id
        ),
        all_enrolled as materialized (
            select pg_catalog.array_agg(enrolled.profile_id) as ids
            from enrolled
        )
        select pg_catalog.unnest(all_enrolled.ids)
        from all_enrolled;
    exception when unique_violation then
        return query
        insert into listener.enrollment (profile_id, course_id)
        select student.id, enroll.default_course_id
        from pg_catalog.unnest(enroll.student_ids) as student(id)
        where (select true from listener.enrollment where enrollment.profile_id = student.id limit 1) is null
        on conflict do nothing
        returning profile_id;
    end;
end;
$$;

-- One student, one savepoint: an error is an answer here, not the end of the batch. Past `give_up_at`
-- nothing is tried any more, so that a transaction stays short however many students have to wait for locks.
create or replace function listener.try_enroll(
    student_id uuid, default_course_id uuid, give_up_at timestamptz,
    out enrolled boolean, out error text
)
language plpgsql as $$
begin
    enrolled := false;
    if clock_timestamp() > give_up_at then
        error := 'put off: others before it took too long';
        return;
    end if;
    perform listener.enroll(array[student_id], default_course_id);
    enrolled := found;
exception when others then
    enrolled := false;
    error := sqlstate || ': ' || sqlerrm;
end;
$$;

-- Moves one course's count, where the LMS's own triggers or checks may refuse: an error is an answer here, too.
create or replace function listener.try_move_count(moved_course_id uuid, delta bigint)
returns text
language plpgsql as $$
begin
    perform listener.move_count(moved_course_id, delta);
    return null;
exception when others then
    return sqlstate || ': ' || sqlerrm;
end;
$$;

-- A course row brings its count along, and takes it away: the opposite delta keeps the sum of rows and feed
-- equal to the number of active enrollments. The note without a delta wakes students who wait for a course.
create or replace function listener.note_inserted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'insert', inserted."id", -coalesce(inserted."enrollments", 0)
    from inserted
    where coalesce(inserted."enrollments", 0) <> 0;
    insert into listener.change (source, operation) values ('courses', 'insert');
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

create or replace function listener.note_deleted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'delete', deleted."id", coalesce(deleted."enrollments", 0)
    from deleted
    where coalesce(deleted."enrollments", 0) <> 0;
    if not found then
        return null;
    end if;
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

create or replace function listener.note_truncated_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'truncate', course."id", coalesce(course."enrollments", 0)
    from "public"."courses" as course
    where coalesce(course."enrollments", 0) <> 0;
    if not found then
        return null;
    end if;
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

-- A course became available, or its key changed and its count moved along with it.
create or replace function listener.note_updated_course() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if new."id" is distinct from old."id" then
        insert into listener.change (source, operation, course_id, delta)
        select 'courses', 'update', moved.course_id, moved.delta
        from (
            values
                (old."id", coalesce(old."enrollments", 0)),
                (new."id", -coalesce(new."enrollments", 0))
        ) as moved (course_id, delta)
        where moved.delta <> 0;
    end if;
    insert into listener.change (source, operation) values ('courses', 'update');
    -- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared(1279873876, 2)
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
    return null;
end;
$$;

-- Moves one course's count, wherever this LMS keeps it. The caller holds the row's lock. The LMS's own triggers
-- on the row run in here, and find their tables where they expect them.
create or replace function listener.move_count(moved_course_id uuid, delta bigint)
returns boolean
language plpgsql security definer set search_path = "public", "extensions", pg_temp as $$
begin
    update "public"."courses" as course
    set
        "enrollments" = coalesce(course."enrollments", 0) + move_count.delta,
        "students" = coalesce(course."students", 0) + move_count.delta
    where course."id" = move_count.moved_course_id;
    return found;
end;
$$;

-- Adds what a count is off by; what was added meanwhile stays.
create or replace function listener.repair_count(
    off_course_id uuid, count_column text, drift bigint
)
returns boolean
language plpgsql security definer set search_path = "public", "extensions", pg_temp as $$
begin
    if repair_count.count_column not in ('enrollments', 'students') then
        raise exception 'there is no count column %', repair_count.count_column;
    end if;
    execute pg_catalog.format(
        'update "public"."courses" as course set %1$I = coalesce(course.%1$I, 0) + $1 where course."id" = $2',
        repair_count.count_column
    ) using repair_count.drift, repair_count.off_course_id;
    return true;
end;
$$;

-- INSERT and DELETE are noted once a statement, with all of its rows; an UPDATE once a row, and only if it
-- changes what matters here. The conditions name no columns to watch: a BEFORE trigger of the LMS may change
-- a column that the statement does not name.

create trigger listener_insert
after insert on "public"."profiles"
referencing new table as inserted
for each statement execute function listener.note_inserted_students();

create trigger listener_update
after update on "public"."profiles"
for each row
when (
    ((new.role = 'student'::text)) is true
    and (((old.role = 'student'::text)) is not true or new."id" is distinct from old."id")
)
execute function listener.note_student();

create trigger listener_insert
after insert on "public"."enrollments"
referencing new table as inserted
for each statement execute function listener.note_inserted_enrollments();

create trigger listener_delete
after delete on "public"."enrollments"
referencing old table as deleted
for each statement execute function listener.note_deleted_enrollments();

create trigger listener_update
after update on "public"."enrollments"
for each row
when (
    (((new.status = 'active'::text)) is true) is distinct from (((old.status = 'active'::text)) is true)
    or new."course_id" is distinct from old."course_id"
)
execute function listener.note_enrollment();

create trigger listener_truncate
before truncate on "public"."enrollments"
for each statement execute function listener.note_truncated_enrollments();

create trigger listener_insert
after insert on "public"."courses"
referencing new table as inserted
for each statement execute function listener.note_inserted_courses();

create trigger listener_delete
after delete on "public"."courses"
referencing old table as deleted
for each statement execute function listener.note_deleted_courses();

create trigger listener_update
after update on "public"."courses"
for each row
when (
    (((new.status = 'published'::text)) is true and ((old.status = 'published'::text)) is not true)
    or new."id" is distinct from old."id"
)
execute function listener.note_updated_course();

create trigger listener_truncate
before truncate on "public"."courses"
for each statement execute function listener.note_truncated_courses();

-- For the LMS's own users and scripts, in its own schema: how each profile stands.
create view "public".profile_enrollment_sync_status as
select
    profile."id" as profile_id,
    coalesce(enrollments.total, 0) as total_enrollments,
    coalesce(enrollments.active, 0) as active_enrollments,
    coalesce(enrollments.total - enrollments.active, 0) as inactive_enrollments,
    enrollments.last_date as last_enrollment_date,
    case
        when not (((profile.role = 'student'::text)) is true) then 'not_student'
        when enrollments.total is null then 'needs_enrollment'
        when enrollments.active = 0 then 'no_active_enrollments'
        else 'enrolled'
    end as enrollment_status
from "public"."profiles" as profile
left join (
    select
        enrollment."user_id" as profile_id,
        count(*) as total,
        count(*) filter (where ((enrollment.status = 'active'::text)) is true) as active,
        max(null::timestamptz) as last_date
    from "public"."enrollments" as enrollment
    where enrollment."user_id" is not null
    group by enrollment."user_id"
) as enrollments on enrollments.profile_id = profile."id";

comment on view "public".profile_enrollment_sync_status is 'made by listener install';

-- Whoever reads it needs rights on the tables; (before Postgres 15 the view's owner lends his).
do $$
declare
    grantee text;
begin
    if current_setting('server_version_num')::integer >= 150000 then
        alter view "public".profile_enrollment_sync_status set (security_invoker = true);
    end if;
    revoke all on "public".profile_enrollment_sync_status from public;
    for grantee in
        select quote_ident(rolname) from pg_catalog.pg_roles where rolname in ('anon', 'authenticated')
    loop
        execute format('revoke all on "public".profile_enrollment_sync_status from %s', grantee);
    end loop;
end;
$$;

-- For the LMS's own users and scripts, in its own schema: all figures at a glance.
create function "public".get_enrollment_statistics()
returns table (
    total_profiles bigint,
    total_students bigint,
    total_enrollments bigint,
    students_with_enrollments bigint,
    students_without_enrollments bigint,
    active_enrollments bigint,
    inactive_enrollments bigint
)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with profile_figures as (
        select
            count(*) as profiles,
            count(*) filter (where person.is_student) as students,
            count(*) filter (where person.is_student and person.is_enrolled) as enrolled
        from (
            select
                (((profile.role = 'student'::text)) is true) as is_student,
                exists (
                    select
                    from "public"."enrollments" as enrollment
                    where enrollment."user_id" = profile."id"
                ) as is_enrolled
            from "public"."profiles" as profile
        ) as person
    ),

    enrollment_figures as (
        select
            count(*) as enrollments,
            count(*) filter (where ((enrollment.status = 'active'::text)) is true) as active
        from "public"."enrollments" as enrollment
    )

    select
        profile_figures.profiles,
        profile_figures.students,
        enrollment_figures.enrollments,
        profile_figures.enrolled,
        profile_figures.students - profile_figures.enrolled,
        enrollment_figures.active,
        enrollment_figures.enrollments - enrollment_figures.active
    from profile_figures
    cross join enrollment_figures
$$;

comment on function "public".get_enrollment_statistics() is 'made by listener install';

do $$
declare
    grantee text;
begin
    revoke all on function "public".get_enrollment_statistics() from public;
    for grantee in
        select quote_ident(rolname) from pg_catalog.pg_roles where rolname in ('anon', 'authenticated')
    loop
        execute format('revoke all on function "public".get_enrollment_statistics() from %s', grantee);
    end loop;
end;
$$;

-- Nothing here is anyone's but the owner's, whatever default privileges say.
do $$
declare
    grantee text;
begin
    for grantee in
        select distinct coalesce(quote_ident(role.rolname), 'public')
        from (
            select relacl as acl, relowner as owner from pg_catalog.pg_class where relnamespace = 'listener'::regnamespace
            union all
            select proacl, proowner from pg_catalog.pg_proc where pronamespace = 'listener'::regnamespace
            union all
            select nspacl, nspowner from pg_catalog.pg_namespace where nspname = 'listener'
        ) as object
        cross join lateral aclexplode(object.acl) as entry
        left join pg_catalog.pg_roles as role on role.oid = entry.grantee
        where entry.grantee <> object.owner
        union
        select 'public'
    loop
        execute format('revoke all on schema listener from %s', grantee);
        execute format('revoke all on all tables in schema listener from %s', grantee);
        execute format('revoke all on all sequences in schema listener from %s', grantee);
        execute format('revoke all on all functions in schema listener from %s', grantee);
    end loop;
end;
$$;

insert into listener.installation (version, fingerprint, mapping)
values (3, 'dfdb6872b407029edf66d4cd3ad0c5f07c09314e97a9678c2fbcf46480df8f76',  E'{"profile_table": {"schema": "public", "name": "profiles"}, "profile_key": "id", "profile_key_type": "uuid", "is_student": "({row}.role = ''student''::text)", "enrollment_table": {"schema": "public", "name": "enrollments"}, "enrollment_profile": "user_id", "enrollment_course": "course_id", "course_table": {"schema": "public", "name": "courses"}, "course_key": "id", "course_key_type": "uuid", "role_table": null, "role_key": null, "enrollment_status": "status", "enrollment_date": null, "active_values": ["active"], "is_active": "({row}.status = ''active''::text)", "count_rows": "active", "extra_values": {}, "course_price": "price", "is_available": "({row}.status = ''published''::text)", "student_view": null, "default_course": null, "default_course_view": null, "course_order": "{row}.\\"price\\" nulls last, {row}.\\"created_at\\" nulls last", "count_columns": ["enrollments", "students"], "actions": "both", "partitioned": [], "statistics": ["status", "function"], "missing_index": null, "taken_over": [], "runtime_roles": [], "settings": {}}')
on conflict (only_row) do update
set
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    mapping = excluded.mapping,
    installed_at = now();

commit;
