"""The audit of a key: is it monotone, are its weights what they say, are equals equal.

Four questions, each answered with the worst example by name:

- *own*: does raising an indicator of one municipality, others unchanged, ever move its
  share the wrong way?
- *counting*: does counting an indicator at all lower the share of a municipality that it
  should raise, or the reverse? (Grech 2017 found this of the European key of 2015.)
- *weights*: does each factor explain that part of the variance of the shares that its
  stated weight promises?
- *equals*: do two municipalities of different counties with the same figures get the same?
"""

from dataclasses import dataclass

from allocator.audit.equals import equal_treatment
from allocator.audit.finding import Finding, Subject
from allocator.audit.monotone import counting, own_change
from allocator.audit.weights import Weight, effective_weights
from models.instance import Instance
from models.policy import Key

__all__ = ["Audit", "Finding", "Weight", "audit_key"]


@dataclass(frozen=True)
class Audit:
    """What the audit of one key found.

    Attributes
    ----------
    key
        Name of the key.
    findings
        Answers about monotonicity and equal treatment.
    weights
        Stated and effective weight of every factor.
    unexplained
        Part of the variance of the shares that no factor explains (caps, floors, credits).
    """

    key: str
    findings: tuple[Finding, ...]
    weights: tuple[Weight, ...]
    unexplained: float


def audit_key(instance: Instance, key: Key, target: int | None = None) -> Audit:
    """Audit `key` on the data of `instance`.

    Parameters
    ----------
    instance, key
        Data and rule.
    target
        Persons in which differences are told; None: the target of the instance.

    Raises
    ------
    InvalidPolicy
        If the key cannot be used with the instance.
    """
    subject = Subject.of(instance, key, target)
    weights, unexplained = effective_weights(subject)
    findings = (*own_change(subject), *counting(subject), equal_treatment(subject))
    return Audit(key.name, findings, weights, unexplained)
