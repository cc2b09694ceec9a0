"""Solve by prices: municipalities apart, tied together by what the few common rows are worth.

Apart from supply, budgets and a few more, every row of the program belongs to one
municipality. With a price on each of the common rows the program falls apart into one small
program a municipality (Lagrangian relaxation; Geoffrion, *Mathematical Programming
Study* 2, 1974). The optima of the small programs add up to a bound on the whole that is
at least as tight as the linear relaxation, because each keeps its whole numbers. Their
solutions are proposals; a linear program over the proposals finds better prices (Dantzig
and Wolfe, *Operations Research* 8, 1960), held near the best ones so far, and it settles all but
a few municipalities: with c common rows at most about c of them remain split between two
proposals, however many municipalities there are. Plans come from choosing among the proposals
and re-solving the few that matter.

=================  ===========================================================
`blocks`           cut the program along its municipalities
`chunk`            price some municipalities: the small programs
`crew`             who prices which: this process, others beside it, a cluster
`pool`             the proposals made so far
`master`           the linear program over the proposals: better prices
`choice`           one proposal a municipality: first plans
`neighbourhood`    re-solve a few municipalities, the others held
`prices`           price, mix, and price again until the bound settles
`plans`            choose, mend, improve until the gap closes
`search`           the two together, for one goal
`sample`           where prices begin
`goals`            goal by goal
=================  ===========================================================
"""
