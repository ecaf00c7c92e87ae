"""The port: `/metrics`, `/livez`, `/readyz` and the status page.

`web` answers, `port` listens, `access` and `hosts` say to whom; `turns` and `guesses` keep one client from taking all
there is. May import the common modules, `database` and `instruments`. Begin with `web`.
"""
