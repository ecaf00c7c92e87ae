if not (
        {{conditions}}
    ) then
        raise undefined_column using message = 'what was bound has another name now';
    end if;
