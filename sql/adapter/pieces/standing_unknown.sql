false as left_by_hand,
            false as taken_back,
            false as suspended
        from wanted
