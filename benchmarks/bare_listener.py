"""A listener as tutorials show it: one INSERT a NOTIFY, a count by increment. What it does not hear is lost."""

import asyncio
import json
import sys

import asyncpg

COURSE = "00000000-0000-0000-0000-000000000001"


async def listen(url: str) -> None:
    """Listen until killed."""
    connection = await asyncpg.connect(url)
    heard: asyncio.Queue[str] = asyncio.Queue()
    await connection.add_listener("signups", lambda *notification: heard.put_nowait(str(notification[3])))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        student = json.loads(await heard.get())["id"]
        await connection.execute(
            "insert into enrollments (user_id, course_id) values ($1, $2) on conflict do nothing", student, COURSE
        )
        if "--count" in sys.argv:
            await connection.execute(
                "update courses set enrollments = enrollments + 1, students = students + 1 where id = $1", COURSE
            )


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1]))
