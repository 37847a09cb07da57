"""What every room may import: errors, sheets, chunks, store, contract, provenance, command line."""
