-- What is parked for courses that are gone; nothing while counting is paused.
select listener.settle_abandoned_counts()
where not exists (select from listener.pause where pause.consumer = 'count')
