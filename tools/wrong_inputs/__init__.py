"""Wrong inputs for every public function, option and kind of file, and a count of how each of them ends.

- `arguments`: of each public function, one argument at a time has a value of another type, shape, range or dtype. Valid
  calls are in `of_spinharm`, `of_spinnn` and so on; a public name without one is named.
- `options`: each option of each command has twenty wrong words; those that its type cannot hold must be refused before
  any file is read. Lines that are right are in `command_lines`.
- `damaged_files`: files of each kind are cut, flipped, overwritten, renamed or of another kind.

Each is a module that `python -m` runs in an empty folder, with a seed; `drive` runs it in a process of its own, and
goes on behind the try that ended the process. All of them, with seed 0 and with one that is drawn and printed:
`pytest -m slow tools/tests/test_wrong_inputs.py -rA --numprocesses 2 --dist load`.
"""
