"""``allocator policy``: the default policy with comments."""

import typer


def policy_command() -> None:
    """Print the default policy as TOML, with what every setting means.

    \b
    Examples:
      allocator policy > policy.toml
      allocator solve norway-2024 --policy policy.toml
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from allocator.settings_of_policy import policy_with_comments

    typer.echo(policy_with_comments(), nl=False)
