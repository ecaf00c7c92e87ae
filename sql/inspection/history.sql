-- The history of actions, and the rules.

-- name: begins
-- Since when all actions are known; null where no history is kept.
select purged.history_from
from listener.purged;

-- name: done
-- Actions on a profile ($1), in a course ($2), since a moment ($3), each of which may be null; the last $4, the latest
-- first.
select
    history.at,
    history.profile_id::text as profile,
    history.course_id::text as course,
    history.done,
    history.cause,
    history.rule,
    history.because
from listener.history
where
    ($1::text is null or history.profile_id = ($1::text)::{{profile_key_type}})
    and ($2::text is null or history.course_id::text = $2)
    and ($3::timestamptz is null or history.at >= $3)
order by history.id desc
limit $4;

-- name: rules
-- Rules by number ($1).
select
    rule.number,
    rule.text,
    rule.installed_at,
    rule.installed_by
from listener.rule
where rule.number = any ($1::integer[])
order by rule.number;

-- name: last_rules
-- The rule in force, and the two before.
select
    rule.number,
    rule.text,
    rule.settings,
    rule.installed_at,
    rule.installed_by
from listener.rule
order by rule.number desc
limit 3;
