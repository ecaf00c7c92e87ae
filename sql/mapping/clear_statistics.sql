-- What was put into the LMS's own schema is known by what it is made of: a view or a function that the LMS has put in its
-- place since is the LMS's.
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
