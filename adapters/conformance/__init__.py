"""The suite that an adapter passes or is not supported; see docs/adapters/conformance.md."""
