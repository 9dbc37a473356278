"""The same rules on the same files, held by other validators, each as its users would write it."""
