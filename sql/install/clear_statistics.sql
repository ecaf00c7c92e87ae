-- What was put into the LMS's own schema is known by its comment.
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
