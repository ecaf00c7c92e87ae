"""Every kind of DDL that a migration may run, written for whatever tables and columns an LMS has."""
