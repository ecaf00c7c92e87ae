-- Whether there is a table of reactions of one's own: there is none before the listener itself is installed.
select to_regclass('listener.reaction') is not null as are_there
