"""What is done about changes: students are enrolled, counts are moved. Knows nothing of connections.

`runner` runs each reaction when it is due, and copes with what is refused; `reaction` is one of them, with the size of
its batches; `retry` says when to try again. The statements are in `sql/reactions/`.

May import the common modules (but not `connection`), `feed` and `monitor`. Begin with `runner`.
"""
