-- Courses have keys of another type. Where the old keys can be read as new ones they are; where they cannot, deltas mean
-- nothing any more, and the counts are found by counting.
do $$
begin
    alter table listener.change alter column course_id type {{course_key_type}} using course_id::text::{{course_key_type}};
    alter table listener.pending_count alter column course_id type {{course_key_type}}
        using course_id::text::{{course_key_type}};
    alter table listener.course_count alter column course_id type {{course_key_type}}
        using course_id::text::{{course_key_type}};
    alter table listener.made_enrollment alter column course_id type {{course_key_type}}
        using course_id::text::{{course_key_type}};
    alter table listener.waiting alter column course_id type {{course_key_type}} using course_id::text::{{course_key_type}};
exception when invalid_text_representation or cannot_coerce or numeric_value_out_of_range then
    delete from listener.pending_count;
    delete from listener.course_count;
    delete from listener.made_enrollment;
    delete from listener.waiting;
    update listener.change set delta = null where change.delta is not null;
    alter table listener.change alter column course_id type {{course_key_type}} using null::{{course_key_type}};
    alter table listener.pending_count alter column course_id type {{course_key_type}} using null::{{course_key_type}};
    alter table listener.course_count alter column course_id type {{course_key_type}} using null::{{course_key_type}};
    alter table listener.made_enrollment alter column course_id type {{course_key_type}}
        using null::{{course_key_type}};
    alter table listener.waiting alter column course_id type {{course_key_type}} using null::{{course_key_type}};
end;
$$;
