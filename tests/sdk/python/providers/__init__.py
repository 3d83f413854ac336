"""What the stand-in's providers speak: one module for each wire format."""
