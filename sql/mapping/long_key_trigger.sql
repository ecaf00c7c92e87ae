create trigger listener_long_key before insert on listener.{{table}}
for each row when ({{is_long}}) execute function listener.pass_over_long_key();
