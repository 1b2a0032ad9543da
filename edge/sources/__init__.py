"""Live input: standard input, sockets, serial ports and Bluetooth straps, as chunks of samples."""
