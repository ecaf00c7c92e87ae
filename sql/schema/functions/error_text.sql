-- An error as kept and told: at most 1,000 bytes on one line, without control and format characters. A message of a
-- trigger may be megabytes long, and may steer the terminal that shows the message. (DETAIL and CONTEXT, which hold
-- rows, are no part of sqlerrm.) In a database of unknown encoding only ASCII is kept, so that no character is cut in
-- two.
create or replace function listener.error_text(state text, message text) returns text
language sql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
    select case
        when octet_length(left(line.text, 1000)) <= 1000 then left(line.text, 1000)
        when octet_length(left(line.text, 500)) <= 1000 then left(line.text, 500)
        when octet_length(left(line.text, 333)) <= 1000 then left(line.text, 333)
        else left(line.text, 250)
    end
    from (
        select btrim(regexp_replace(
            concat_ws(': ', error_text.state, left(error_text.message, 2000)),
            case getdatabaseencoding()
                when 'SQL_ASCII' then '[^\x20-\x7e]+'
                else
                    '[\x01-\x1f\x7f\u0080-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb'
                    '\U000e0001\U000e0020-\U000e007f]+'
            end,
            ' ', 'g'
        )) as text
    ) as line
$$;

