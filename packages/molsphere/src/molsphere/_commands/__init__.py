"""The commands of `molsphere`, one per module, each with `main(name, words)`."""
