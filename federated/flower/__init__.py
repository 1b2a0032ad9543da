"""The fleet on Flower: messages over TLS, nodes known by their keys."""
