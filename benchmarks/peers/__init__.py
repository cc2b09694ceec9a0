"""Other solvers and interfaces on exactly the program that the engine solves.

Every peer minimises the goals in order, each held as `driver` says, on the same arrays
(`case`). A peer is one file with one function `minimise`; `registry` lists them, `process`
runs one in a process of its own, and ``python -m benchmarks.peers`` prints the table.
"""
