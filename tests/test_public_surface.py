"""Everything the package promises can be imported from it, whatever was imported before."""

import subprocess
import sys

import pytest

import allocator


@pytest.mark.parametrize("name", allocator.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    assert getattr(allocator, name).__class__.__name__ != "module"
    assert name in dir(allocator)


@pytest.mark.parametrize("name", ["solve", "verify", "packaged"])
def test_a_function_is_not_hidden_by_its_module(name: str) -> None:
    code = f"import allocator.{name}\nfrom allocator import {name}\nassert callable({name})"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sovle'"):
        _ = allocator.sovle  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, allocator\nassert not {'pandas', 'pyomo', 'highspy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
