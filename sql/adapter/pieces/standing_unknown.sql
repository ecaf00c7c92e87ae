false as left_by_hand,
            false as taken_back
        from wanted
