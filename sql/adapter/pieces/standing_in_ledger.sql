-- Made by the listener, not taken back, and not there: somebody removed it.
            made.profile_id is not null and made.taken_back_at is null as left_by_hand,
            made.taken_back_at is not null as taken_back
        from wanted
        left join listener.made_enrollment as made
            on made.profile_id = wanted.profile_id and made.course_id = wanted.course_id
