"""The version, which is that of the programs: cmd/internal/cli has a test that compares them."""

__version__ = "0.1.0"
