insert into listener.reaction (name, text, hash)
values ({{name}}, {{text}}, {{hash}})
on conflict (name) do update
set
    text = excluded.text,
    hash = excluded.hash,
    installed_at = excluded.installed_at
where reaction.hash <> excluded.hash;
