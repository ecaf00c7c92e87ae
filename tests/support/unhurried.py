"""Functions of ours as they are on a machine so fast that nothing ever takes them half a second."""

UNHURRIED = """
do $$
declare
    definition text;
begin
    for definition in
        select pg_get_functiondef(oid)
        from pg_proc
        where pronamespace = 'listener'::regnamespace and prosrc like '%interval ''500 milliseconds''%'
    loop
        execute replace(definition, 'statement_timestamp() + interval ''500 milliseconds''', '''infinity''');
    end loop;
end $$
"""
"""Of rows that are handled singly none is put off then, however slow or busy the machine is."""
