-- A profile's key as Postgres writes it; fails if $1 is no value of the key's type.
select ($1::text)::{{profile_key_type}}::text as key
