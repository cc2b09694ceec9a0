"""How answers move when what is given or decided does: many solves, and what they say together.

==================  =================================================================
`executor`          solve many cases: side by side, in order, each once
`cases`             one question, and how it is solved where it is sent
`crews`             who solves: processes beside this one, or a Dask cluster
`beside`            such a process
`journal`           outcomes in a file, as they come
`types`             what became of a case
`variation`         what a case changes about its instance
`inputs`            what can be varied, by path, and over which values
`sweep`             along one or two inputs
`marginal`          what a little more of everything is worth
`conditional`       the prices that screen it
`screened`          capacities and measures with their prices, and the best of each kind
`trials`            what is tried around a plan
`frontier`          two goals against each other
`charts`            drawings of the three
`robustness`        how a plan stands where capacities and arrivals are uncertain
`uncertainty`       what is assumed of them, and draws
`scenarios`         what somebody thought of, in the place of draws
`withstanding`      what a plan withstands as it stands
`protected`         capacities protected by a budget of uncertainty
`robustness_chart`  its drawing
`tables`            outcomes as cells of a table
==================  =================================================================
"""
