-- A schema of this name that is empty (a dump of some tool's may have made it) is in nobody's way; one that holds
-- anything is left alone, and ends this here.
drop schema if exists listener;
