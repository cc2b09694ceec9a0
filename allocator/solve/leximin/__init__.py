"""The largest ratio as small as can be, then the next largest, and so on.

A plan is better than another when its ratios (quota ÷ fair share), largest first, are
lexicographically smaller: the lexicographic min-max or leximin order (Megiddo, *Mathematical
Programming* 7, 1974; Ogryczak and Śliwiński, *Top* 14, 2006). Quotas are whole lots, so there are
finitely many ratios, and the best plan is found level by level. A level is a ratio and how many
municipalities lie at it; with the levels before held, its ratio is the smallest below which
nobody else can all lie, and its count the smallest there can be.

Both are found by asking whether a plan exists with quotas no larger than so many persons: bounds on
lots, which say more than ``R ≥ q / f`` does. No is often plain from adding up: with every quota at
the largest lot below the ratio, too few persons find a place. Where only capacities bind that
settles everything, and the levels are those of handing out lots one at a time to whoever's
ratio stays smallest (D'Hondt's divisor rule, with capacities). Such a plan, as far down as there is
one, is therefore what the search reaches for first; what is in its way is found by the relaxation
and by branch and bound.

Who lies at a level stays open where it can be one or another: only how many is held.

==========  =================================================================
`lots`      the quotas there can be below a ratio
`levels`    the levels so far, and what adding up says about the next
`program`   the program with the levels in it
`refine`    level by level, and the goal's report
==========  =================================================================
"""
