-- For students or courses of whom one may end each session that tries it: up to $1 are set aside, and none is tried; up to
-- $2 of their ids are returned for the log.

-- name: noted
-- Those whose notes are next.
select done.*
from (select set_config('listener.put_off', 'on', true) as is_on) as put_off
cross join lateral listener.{{function}}(
    $1, {{singly}}most_shown => case when put_off.is_on is not null then $2::integer end
) as done;

-- name: waiting
-- Those who were set aside before, and are due; but if all of them became due less than $3 seconds ago, because somebody
-- asked for it, none was tried since, and they are tried.
with first_due as (
    select min(next_attempt_at) as at
    from listener.{{waiting}}
    where next_attempt_at <= clock_timestamp()
)

select done.*
from first_due
cross join lateral (
    select
        set_config(
            'listener.put_off',
            case when first_due.at > clock_timestamp() - make_interval(secs => $3::float8) then '' else 'on' end,
            true
        ) as is_on
) as put_off
cross join lateral listener.{{function}}(
    $1, {{singly}}most_shown => case when put_off.is_on is not null then $2::integer end
) as done;
