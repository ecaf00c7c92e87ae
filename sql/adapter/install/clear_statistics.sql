-- What was put into the LMS's own schema is known by what it is made of (up to version 3, by its comment): a view or a
-- function that the LMS has put in its place since is the LMS's.
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
