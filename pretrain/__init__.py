"""Pretraining: 12-lead data, augmentations, the encoder, losses and the training loop."""
