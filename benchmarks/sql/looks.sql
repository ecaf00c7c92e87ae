-- What a reaction reads, each looked at apart: a batch of the feed, the last checkpoint, the course as a foreign key looks
-- it up, and the move of its count.
explain (analyze, buffers, format json)
select count(*) from listener.unhandled('enroll', 10001);

explain (analyze, buffers, format json)
select seq, handled, partial_xid, partial_id from listener.checkpoint where consumer = 'enroll' order by seq desc limit 1;

explain (analyze, buffers, format json)
select 1 from only courses where id = '00000000-0000-0000-0000-000000000001' for key share;

explain (analyze, buffers, format json)
select * from listener.move_counts(array['00000000-0000-0000-0000-000000000001'::uuid], array[1::bigint]);
