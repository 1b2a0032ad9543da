"""What liars do, one a file, for simulations and tests; nothing here runs on a device.

An attack on data changes what a client trains on; any other makes an update from what liars can
know: their own honest updates, everybody's, the model, and the adaptive one the trust loss itself.
"""
