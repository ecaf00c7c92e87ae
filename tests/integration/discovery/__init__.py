"""What an LMS says of its school is understood, or asked about; what a question names makes it right.

Kinds of what it says, and the tests that show each in two languages or more (`test_random_schools` combines them,
`test_schools_in_languages` has schools that are in another language altogether):

- enrollments that ended, by a time or a flag: `test_states` (`an_enrollment_that_ended`), `test_small_schools`;
- courses that are archived, templates, over, or not open yet: `test_states` (`nobody_lands`), `test_questions`
  (`a_course_that_is_over`), `test_small_schools`;
- a school's column on people and courses, or a membership: `test_schools`;
- roles in tables of their own: `test_roles`, `test_small_schools`;
- roles that were revoked, people who left: `test_states` (`revoked`, `shut_out`), `test_roles` (`who_has_left`);
- purchases and applications alone: `test_states` (`a_table_of_payments`);
- a status in numbers, in words that are not known, in a table of states: `test_states`
  (`a_status_that_is_not_understood`), `test_small_schools`;
- a flag that is computed: `test_states` (`an_enrollment_that_ended`), `rules/test_virtual_columns.py`;
- teachers among the enrollments: `test_states` (`teachers_among`), `test_messages` (`a_role_in_the_course`);
- the app counts, too: `reactions/test_rows_that_ended.py`; times without a zone: `reactions/test_time_zones.py`.
"""
