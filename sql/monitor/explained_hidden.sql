-- Whether row-level security hides rows of this table from whoever asks: then none seen is not none there.
select row_security_active(($1::text)::regclass)
