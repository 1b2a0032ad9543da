"""Federated learning: clients on devices, a server that weighs what each of them sends."""
