"""From trained to shipped: fine-tune, quantise, export a bundle, measure what it does."""
