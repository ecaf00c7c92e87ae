-- Whether the adapter is bound to what is there now, and works.
select
    listener.is_bound()
    and not exists (select from listener.binding_problems())
