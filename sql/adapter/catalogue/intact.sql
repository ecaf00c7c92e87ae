-- Whether the adapter is bound to what is there now, and works; and what was put into the LMS's own schema is there.
select
    listener.is_bound()
    and not exists (select from listener.binding_problems() as found where found.problem is not null)
    and (
        select count(*)
        from (
            {{ours}}
        ) as ours
    ) >= $1
