begin;

set local lock_timeout = '200ms';

drop schema listener cascade;

commit;
