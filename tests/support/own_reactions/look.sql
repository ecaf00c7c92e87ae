-- A reaction that needs no table of its own: it does nothing with what it reads.
{{feed}}

select batch_summary.*
from batch_summary
where batch_summary.changes > 0
