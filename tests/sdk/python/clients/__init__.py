"""The official SDKs behind one face: one module for each, which uses it as programs do."""
