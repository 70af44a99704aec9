"""The targets, one module each; `TARGET` is what the fuzzer and the tests use."""
