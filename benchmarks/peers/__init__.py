"""The queues that people would reach for, each set up as its own docs advise."""
