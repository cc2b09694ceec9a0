"""Equal treatment: municipalities with the same figures in different counties."""

from allocator.audit.finding import TOLERANCE, Finding, Subject


def equal_treatment(subject: Subject) -> Finding:
    """Give every municipality a twin in another county, and compare their shares.

    Real equals hardly exist: the municipality nearest in size in another county is given
    all figures that the key looks at, and both are computed anew.
    """
    towns, target = subject.given.towns, subject.given.target
    columns = [one.column for one in subject.indicators]
    size = towns["population"] if "population" in columns else towns[columns[0]]
    worst, example, wrong, checked = 0.0, None, 0, 0
    for m in towns.index:
        elsewhere = towns.index[towns["county_id"] != towns.loc[m, "county_id"]]
        if elsewhere.empty:
            continue
        twin = (size[elsewhere] - size[m]).abs().idxmin()
        changed = towns.copy()
        changed.loc[twin, columns] = changed.loc[m, columns]
        shares = subject.again(changed)
        checked += 1
        gap = abs(float(shares[m] - shares[twin]))
        if gap > TOLERANCE * max(shares[m], shares[twin]):
            wrong += 1
            if gap > worst:
                worst, example = gap, (str(m), str(twin))
    if example is None:
        said = f"{checked} municipalities compared with a twin in another county"
        return Finding("equals", None, True, 0, checked, None, None, 0.0, said)
    m, twin = example
    persons, name = worst * target, str(subject.names[m])
    said = (
        f"{subject.names[twin]} with the figures of {name} would get {persons:.1f} more or "
        f"fewer than {name}, of {target}"
    )
    return Finding("equals", None, False, wrong, checked, m, name, persons, said)
