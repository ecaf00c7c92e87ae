-- Profiles have keys of another type. Where the old keys can be read as new ones they are; where they cannot, what is
-- noted is forgotten, and everybody who was written since the oldest of these notes is looked at again.
do $$
begin
    alter table listener.change alter column profile_ids type {{profile_key_type}}[]
        using profile_ids::text[]::{{profile_key_type}}[];
    alter table listener.pending_enrollment alter column profile_id type {{profile_key_type}}
        using profile_id::text::{{profile_key_type}};
    alter table listener.made_enrollment alter column profile_id type {{profile_key_type}}
        using profile_id::text::{{profile_key_type}};
    alter table listener.waiting alter column profile_id type {{profile_key_type}} using profile_id::text::{{profile_key_type}};
exception when invalid_text_representation or cannot_coerce or numeric_value_out_of_range then
    insert into listener.blind_note (xid, source, operation, sqlstate)
    select change.xid, 'profiles', 'install', '00000'
    from listener.change
    where change.profile_ids is not null
    order by change.xid
    limit 1;
    delete from listener.pending_enrollment;
    delete from listener.made_enrollment;
    delete from listener.waiting;
    alter table listener.change alter column profile_ids type {{profile_key_type}}[]
        using null::{{profile_key_type}}[];
    alter table listener.pending_enrollment alter column profile_id type {{profile_key_type}}
        using null::{{profile_key_type}};
    alter table listener.made_enrollment alter column profile_id type {{profile_key_type}}
        using null::{{profile_key_type}};
    alter table listener.waiting alter column profile_id type {{profile_key_type}} using null::{{profile_key_type}};
end;
$$;
