"""Tests of the service, against real processes."""
