"""What the contract tests need: the real server, receivers that misbehave, names and certificates."""
