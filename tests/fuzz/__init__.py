"""One target for each parser: what strangers may send, and what must hold whatever they do.

A target is a function of bytes that raises only when its contract is broken. `make fuzz` lets a
coverage-guided fuzzer look for such bytes; what it has found is kept under `regressions/`, and every
test run tries it again.
"""
