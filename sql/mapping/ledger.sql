-- Parts: the ledger of made enrollments (`listener.made_enrollment`), and how the ledger follows courses and profiles.

-- name: of_courses
begin
    if tg_op = 'DELETE' then
        perform listener.forget_made(null, array(select {{course_key:written}}::{{course_key_type}} from written));
    elsif tg_op = 'TRUNCATE' then
        perform listener.forget_made(null, even_if_there => true);
    end if;
exception when assert_failure or others then
    {{blindly_profiles}}
end;

-- name: profile_deleted
-- (A row that went to another partition is there.)
elsif tg_op = 'DELETE' then
    {{expect_profiles}}
    if not exists (select from {{profiles}} as profile where profile.{{key_name}} = old.{{key_name}}) then
        perform listener.forget_made(array[old.{{key_name}}::{{profile_key_type}}]);
    end if;

-- name: profiles_deleted
if tg_op = 'DELETE' then
    perform listener.forget_made(array(select written.{{key_name}}::{{profile_key_type}} from written));
end if;

-- name: profiles_truncated
begin
    perform listener.forget_made(null);
exception when assert_failure or others then
    null;  -- it is noted blindly in any case
end;
