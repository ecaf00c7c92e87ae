-- Our parts in the LMS's own schema are known by the definition: a view or a function that the LMS has put there
-- instead is the LMS's.
do $$
declare
    ours text;
begin
    for ours in
        {{ours}}
    loop
        execute 'drop ' || ours;
    end loop;
end;
$$;
