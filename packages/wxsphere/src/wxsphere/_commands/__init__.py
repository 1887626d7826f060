"""The commands of `wxsphere`, one per module, each with `main(name, words)`."""
