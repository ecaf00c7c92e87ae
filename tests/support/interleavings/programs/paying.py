"""A query says who should be where: who leaves is taken back, as far as the brake allows, and seats are few."""

from dataclasses import replace

from tests.support.interleavings.steps import (
    COMMIT,
    Program,
    Session,
    Steps,
    ahead,
    count,
    daemon,
    enroll,
    kill,
    lane,
    lms,
    look,
    retry_enroll,
    write,
)


def pays(course: int) -> Session:
    """Somebody new pays for a course."""
    return lms(
        write(
            f"insert into profiles (id) values ({{key}});"
            f" insert into payments (profile_id, course_id) values ({{key}}, {course})"
        ),
        COMMIT,
    )


def stops_paying(profile: int) -> Steps:
    return write(f"update payments set paid = false where profile_id = {profile}", can_block=True) + COMMIT


def pays_again(profile: int) -> Steps:
    return write(f"update payments set paid = true where profile_id = {profile}", can_block=True) + COMMIT


def paying(*profiles: int, course: int = 1) -> str:
    """These have paid, and are in the course, before the schedule begins."""
    ids = ", ".join(f"({each})" for each in profiles)
    pairs = ", ".join(f"({each}, {course})" for each in profiles)
    return (
        f"insert into public.profiles (id) values {ids};"
        f" insert into public.payments (profile_id, course_id) values {pairs}"
    )


def settle(profile: int) -> Steps:
    """What is done to one profile, by any session."""
    return look(f"select * from listener.settle('{{{profile}}}')", about="enroll", open_=True)


def come(*pairs: tuple[int, int]) -> str:
    """These come in one transaction, one after the other, each with a payment for a course."""
    return "; ".join(
        f"insert into public.profiles (id) values ({profile});"
        f" insert into public.payments (profile_id, course_id) values ({profile}, {course})"
        for profile, course in pairs
    )


CROWD = come((1, 1), (2, 2), (3, 2))
ENROLLS = daemon(enroll(open_=True), COMMIT)

PROGRAMS = tuple(
    replace(program, ground="paying")
    for program in (
        Program(
            "two stop paying, the brake lets one go",
            (lms(stops_paying(1)), lms(stops_paying(2)), daemon(enroll(), retry_enroll(), count())),
            before=paying(1, 2),
            is_quick=False,
        ),
        Program(
            "two stop paying, two leaders",
            (lms(stops_paying(1)), lms(stops_paying(2)), ENROLLS, ENROLLS),
            before=paying(1, 2),
            is_quick=False,
        ),
        Program(
            "two take back at once",
            (daemon(settle(1), COMMIT), daemon(settle(2), COMMIT)),
            before=paying(1, 2),
            then="update public.payments set paid = false",
        ),
        Program(
            "somebody stops paying, and pays again",
            (lms(stops_paying(1), pays_again(1)), daemon(enroll(open_=True), COMMIT, enroll(), count())),
            before=paying(1),
        ),
        Program("two pay for the last seat", (pays(2), pays(2), daemon(enroll(1), enroll(1), count()))),
        Program(
            "two pay for the last seat, two leaders",
            (pays(2), pays(2), ENROLLS, daemon(enroll(), retry_enroll(), count())),
            is_quick=False,
        ),
        Program(
            "somebody leaves the last seat while somebody waits",
            (lms(stops_paying(1)), pays(2), daemon(enroll(1), enroll(1), retry_enroll(), count())),
            before=paying(1, course=2),
            is_quick=False,
        ),
        # With seats nobody goes ahead of the line; counts, of which seats are told, do.
        Program(
            "behind a crowd, somebody fresh wants the last seat",
            (pays(2), daemon(enroll(1), ahead("enroll"), enroll(1), enroll(1))),
            then=CROWD,
        ),
        Program(
            "behind a crowd, somebody fresh wants the last seat, two leaders",
            (pays(2), ENROLLS, daemon(enroll(1), lane("enroll", is_first=True), enroll(1))),
            then=CROWD,
            is_quick=False,
        ),
        Program(
            "counts are moved ahead while the last seat is given up, and taken",
            (lms(stops_paying(1)), pays(2), daemon(count(1), ahead("count"), enroll(), ahead("count"), retry_enroll())),
            before=paying(1, course=2),
            then=come((4, 1), (5, 1), (6, 1)),
            is_quick=False,
        ),
        Program(
            "two want the last seat, a leader is killed",
            (pays(2), pays(2), ENROLLS, lms(kill(2))),
            is_quick=False,
        ),
        Program(
            "two are taken back at once, one session is killed",
            (daemon(settle(1), COMMIT), daemon(settle(2), COMMIT), lms(kill(0))),
            before=paying(1, 2),
            then="update public.payments set paid = false",
        ),
    )
)

JOINS = "insert into public.payments (profile_id, course_id) values (1, 1), (2, 1)"

PROGRAMS += tuple(
    replace(program, ground="joining")
    for program in (
        Program("two pay, the brake lets one join", (pays(1), pays(1), daemon(enroll(1), enroll(1), retry_enroll()))),
        Program(
            "two join at once",
            (daemon(settle(1), COMMIT), daemon(settle(2), COMMIT)),
            before="insert into public.profiles (id) values (1), (2)",
            then=JOINS,
        ),
        Program(
            "two are held, and one stops paying",
            (lms(stops_paying(1)), daemon(enroll(open_=True), COMMIT, retry_enroll()), daemon(retry_enroll())),
            before=f"insert into public.profiles (id) values (1), (2); {JOINS}",
        ),
    )
)
