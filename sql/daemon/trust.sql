-- All names are bound to what they should be: what was noted so far needs no second look.
select listener.trust_notes()
