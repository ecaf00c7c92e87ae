-- Names of the consumers that are not built in.
select array(select reaction.name from listener.reaction order by reaction.name) as names
