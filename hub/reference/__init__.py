"""The API's reference as pages, with everything they need in the package."""
