-- Nothing here is anyone's but the owner's. (Functions are PUBLIC's by default; tables and views are not,
-- unless default privileges say so.)
revoke all on schema listener from public;
revoke all on all tables in schema listener from public;
revoke all on all functions in schema listener from public;
