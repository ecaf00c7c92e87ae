-- What the columns that the rule for students reads hold for one profile, with the rights of whoever asks. (A table of
-- roles may have several rows for it, or none.)
select to_jsonb(seen) as columns
from (
    select {{rule_columns}}
    from {{student_table}} as student
    where {{student_key:student}} = ($1::text)::{{profile_key_type}}
    limit 20
) as seen
