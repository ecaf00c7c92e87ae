-- Whether a transaction was not handled ahead of its turn. (A subquery of its own, and no join: the feed's order, and the
-- limit, are to stay.)
and (
            ({{transaction}} >= last_checkpoint.first_ahead) is not true
            or (select true from listener.ahead where ahead.consumer = {{consumer}} and ahead.xid = {{transaction}}) is null
        )
