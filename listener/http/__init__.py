"""The port: `/metrics`, `/livez`, `/readyz` and the status page.

`web` answers, `port` listens, `access` and `hosts` decide which clients get answers; `turns` and `guesses` keep a
client from starving the rest. May import the common modules, `database` and `instruments`. Begin with `web`.
"""
