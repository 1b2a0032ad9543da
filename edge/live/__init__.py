"""The live page: a source through a monitor into browsers, each at its own pace."""
