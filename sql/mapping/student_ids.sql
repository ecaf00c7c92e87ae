-- A part: the students that the asking role may see, past profiles with a failing rule.
begin
    student_ids := array(
        select {{profile_key:profile}}::{{profile_key_type}}
        from {{profile_table}} as profile
        where {{student_condition}}
    );
exception when assert_failure or others then
    declare
        one_id {{profile_key_type}};
    begin
        student_ids := '{}';
        for one_id in
            select {{profile_key:profile}}::{{profile_key_type}}
            from {{profile_table}} as profile
        loop
            begin
                if exists (
                    select
                    from {{profile_table}} as profile
                    where {{profile_key:profile}} = one_id and {{student_condition}}
                ) then
                    student_ids := student_ids || one_id;
                end if;
            exception when assert_failure or others then
                null;
            end;
        end loop;
    end;
end;
