"""A server on which a schedule's story can be run by hand, until Ctrl-C:

python -m tests.support.interleavings school --postgres 18 --fault "counting has no fence"
"""

import argparse
import signal

import anyio
import asyncpg

from tests.support.interleavings import ground
from tests.support.interleavings.mutants import MUTANTS, Mutant


async def _put(url: str, mutant: Mutant) -> None:
    connection = await asyncpg.connect(url)
    await ground.put(connection, mutant)
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.interleavings")
    parser.add_argument("school", choices=ground.SCHOOLS)
    parser.add_argument("--postgres", type=int, default=18)
    parser.add_argument("--fault", choices=[mutant.fault for mutant in MUTANTS])
    asked = parser.parse_args()
    server = ground.start(asked.postgres)
    try:
        name = ground.make(server, asked.school)
        url = server.url(name)
        server.psql(name, ground.BEGIN)
        for mutant in MUTANTS:
            if mutant.fault == asked.fault:
                anyio.run(_put, url, mutant)
        (server.folder / "daemon.sql").write_text(ground.daemon_settings(), encoding="utf-8")
        print(f"Each session is one of: cd {server.folder}; {server.program('psql')} {url}")
        print("After each transaction `select proof.problem(false)` is null.")
        print("So is `select proof.problem(true)` after `call proof.catch_up(64)`.")
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        server.destroy()


if __name__ == "__main__":
    main()
