"""How answers move when what is given or decided does: many solves, and what they say together.

=============  =================================================================
`executor`     solve many cases: side by side, in order, each once
`cases`        one question, and how it is solved where it is sent
`crews`        who solves: processes beside this one, or a Dask cluster
`beside`       such a process
`journal`      outcomes in a file, as they come
`types`        what became of a case
`variation`    what a case changes about its instance
`inputs`       what can be varied, by path, and over which values
`sweep`        along one or two inputs
`marginal`     what a little more of everything is worth
`conditional`  the prices that screen it
`screened`     capacities and measures with their prices, and the best of each kind
`trials`       what is tried around a plan
`frontier`     two goals against each other
`screening`    which input matters for which result
`designs`      at which values inputs are tried together
`ranges`       inputs with the range they are screened over
`bars`         drawings of screenings
`charts`       drawings of sweep, marginal values and frontier
`tables`       outcomes as cells of a table
=============  =================================================================
"""
